"use strict";
// The picture of a game that has none: every feature as a mark on a line from the least to the greatest value it takes.

globalThis.makeSketch = function (kept) {
  const WIDTH = 320, ROW = 30, LEFT = 110, RIGHT = 305;
  const ranges = kept.features.map(() => [Infinity, -Infinity]);
  const look = (frame) => frame.forEach((value, i) => {
    ranges[i] = [Math.min(ranges[i][0], value), Math.max(ranges[i][1], value)];
  });
  for (const one of kept.windows) [...one.real, ...one.imagined].forEach(look);
  const place = (value, i) => {
    const [low, high] = ranges[i];
    return LEFT + (RIGHT - LEFT) * (high > low ? (value - low) / (high - low) : 0.5);
  };
  const height = kept.features.length * ROW + 10;
  const middle = (i) => 5 + (i + 0.5) * ROW;

  return {
    width: WIDTH,
    height,
    ground(pen, frame, imagined) {
      pen.fillStyle = imagined ? "#1c2654" : "#4a2509";
      pen.fillRect(0, 0, WIDTH, height);
      pen.font = "12px system-ui, sans-serif";
      pen.textBaseline = "middle";
      kept.features.forEach((name, i) => {
        pen.fillStyle = "#ececec";
        pen.fillText(name, 8, middle(i), LEFT - 18);
        pen.fillStyle = "#8a90a8";
        pen.fillRect(LEFT, middle(i) - 0.5, RIGHT - LEFT, 1);
      });
    },
    draw(pen, frame, how) {
      frame.forEach((value, i) => {
        const x = place(value, i), y = middle(i);
        pen.globalAlpha = how === "ghost" ? 0.35 : 1;
        if (how === "outline") {
          pen.strokeStyle = "#ffde3c";
          pen.lineWidth = 2;
          pen.strokeRect(x - 7, y - 7, 14, 14);
        } else {
          pen.fillStyle = "#ececec";
          pen.beginPath();
          pen.arc(x, y, how === "ghost" ? 3 : 4.5, 0, 2 * Math.PI);
          pen.fill();
        }
        pen.globalAlpha = 1;
      });
    },
  };
};
