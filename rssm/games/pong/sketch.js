"use strict";
// Draws frames of Pong's 14 features on a canvas, as the console would. Positions may be predicted ones: what is off the
// field is not seen, and the ball is there while ball_spawned is over a half.

globalThis.makeSketch = function () {
  const WIDTH = 160, HEIGHT = 210, TOP = 34, BOTTOM = 194;
  const COLOURS = {
    real: "#904811", imagined: "#1c2654", white: "#ececec", player: "#5cba5c", enemy: "#d5824a", outline: "#ffde3c",
  };
  const DIGITS = ["75557", "22222", "71747", "71317", "55711", "74717", "44757", "71111", "75757", "75711"];

  function fill(pen, x, y, width, height, colour) {
    pen.fillStyle = colour;
    pen.fillRect(x, y, width, height);
  }

  function score(pen, value, right, colour) {
    [...String(Math.min(Math.max(Math.round(value), 0), 99))].reverse().forEach((digit, place) =>
      [...DIGITS[digit]].forEach((bits, row) => {
        for (let column = 0; column < 3; column++)
          if ((bits >> (2 - column)) & 1) fill(pen, right + (column - 4 * place) * 4, 1 + row * 4, 4, 4, colour);
      }));
  }

  // [x, y, width, height, colour] of everything that moves and has a place
  function things(frame) {
    const found = [
      [frame[2], frame[3], 4, 16, COLOURS.enemy],
      [frame[0], frame[1], 4, 16, COLOURS.player],
    ];
    if (frame[6] > 0.5) found.push([frame[8], frame[9], 2, 4, COLOURS.white]);
    return found;
  }

  function onField(pen, draw) {
    pen.save();
    pen.beginPath();
    pen.rect(0, TOP, WIDTH, BOTTOM - TOP);
    pen.clip();
    draw();
    pen.restore();
  }

  return {
    width: WIDTH,
    height: HEIGHT,
    // the field, its walls and the score; imagined games have a ground of their own
    ground(pen, frame, imagined) {
      fill(pen, 0, 0, WIDTH, HEIGHT, imagined ? COLOURS.imagined : COLOURS.real);
      fill(pen, 0, TOP - 10, WIDTH, 10, COLOURS.white);
      fill(pen, 0, BOTTOM, WIDTH, HEIGHT - BOTTOM, COLOURS.white);
      score(pen, frame[10], 36, COLOURS.enemy);
      score(pen, frame[11], 116, COLOURS.player);
    },
    // how: "solid"; "outline", a hollow frame around where a thing is; "ghost", a faint shape
    draw(pen, frame, how) {
      onField(pen, () => {
        for (const [x, y, width, height, colour] of things(frame)) {
          if (how === "outline") {
            pen.strokeStyle = COLOURS.outline;
            pen.lineWidth = 1;
            pen.strokeRect(x - 1, y - 1, width + 2, height + 2);
          } else {
            pen.globalAlpha = how === "ghost" ? 0.3 : 1;
            fill(pen, x, y, width, height, colour);
            pen.globalAlpha = 1;
          }
        }
      });
    },
  };
};
