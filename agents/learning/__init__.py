"""What the agent is and how it learns in imagination."""
