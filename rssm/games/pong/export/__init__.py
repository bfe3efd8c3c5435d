"""A world model for other programs: a page that imagines in the browser, and ONNX."""
