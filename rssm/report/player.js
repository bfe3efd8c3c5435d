"use strict";
// Plays single windows: the frames that the model saw, then what came beside what it imagined, step by step.

(function () {
  const element = (id) => document.getElementById(id);
  const kept = JSON.parse(element("windows").textContent);
  const sketch = globalThis.makeSketch(kept);
  const SEEN = kept.windows[0].real.length - kept.windows[0].imagined.length; // frames up to a window's start
  const LAST = kept.windows[0].real.length - 1, SCALE = 3;
  const [left, right] = ["real", "imagined"].map((name) => {
    const canvas = element(`${name}-screen`), pen = canvas.getContext("2d");
    canvas.width = sketch.width * SCALE;
    canvas.height = sketch.height * SCALE;
    pen.scale(SCALE, SCALE);
    return { canvas, pen };
  });
  const group = element("group"), picker = element("window"), scrub = element("scrub"), play = element("play");
  const count = new Intl.NumberFormat("en");
  let shown, position = 0, timer = null;

  const game = (one) => `game ${one.episode + 1}, step ${count.format(one.start)}`;
  const last = (one) => one.text[one.text.length - 1];
  const members = () => kept.windows.filter((one) => one.groups.includes(group.value));

  function fillPicker() {
    picker.replaceChildren(...members().map((one) => {
      const option = document.createElement("option");
      option.value = String(kept.windows.indexOf(one));
      option.textContent = `${last(one)} px², ${kept.events[one.event]} (${game(one)})`;
      return option;
    }));
    choose(Number(picker.value));
  }

  function choose(index) {
    shown = kept.windows[index];
    picker.value = String(index);
    const cells = (row, text) => [...element(row).querySelectorAll("td")].forEach((cell, k) => (cell.textContent = text(k)));
    cells("actions-row", (k) => kept.actions[shown.actions[k]]);
    cells("errors-row", (k) => shown.text[k]);
    const largest = Math.max(...shown.error) || 1;
    [...element("bars-row").querySelectorAll("i")].forEach((bar, k) => (bar.style.height = `${(100 * shown.error[k]) / largest}%`));
    go(0);
  }

  // What is shown at a position, in words.
  function said() {
    const k = position - SEEN;
    if (k < 0) {
      const before = SEEN - 1 - position;
      const when = before === 0 ? "the last frame that it sees" : `${before} step${before > 1 ? "s" : ""} before the last frame that it sees`;
      return `The model watches: ${when}.`;
    }
    return `k = ${k}, after ${kept.actions[shown.actions[k]]}: off by ${shown.text[k]} px².`;
  }

  function go(to) {
    position = Math.min(Math.max(to, 0), LAST);
    const k = position - SEEN, overlaid = element("overlay").checked;
    const real = shown.real[position], imagined = k < 0 ? real : shown.imagined[k];
    sketch.ground(left.pen, real, false);
    sketch.draw(left.pen, real, "solid");
    sketch.ground(right.pen, imagined, k >= 0);
    if (k >= 0 && element("futures").checked) for (const future of shown.sampled) sketch.draw(right.pen, future[k], "ghost");
    sketch.draw(right.pen, imagined, "solid");
    if (k >= 0 && overlaid) sketch.draw(right.pen, real, "outline");
    element("screens").classList.toggle("overlaid", overlaid);
    element("imagined-name").textContent = k < 0 ? "seen by the model" : overlaid ? "imagined, outlines: real" : "imagined";
    const words = said();
    element("now").textContent = words;
    left.canvas.setAttribute("aria-label", `The real game. ${words}`);
    right.canvas.setAttribute("aria-label", `The imagined game. ${words}`);
    scrub.value = String(position);
    scrub.setAttribute("aria-valuetext", words);
    for (const row of document.querySelectorAll("#by-step tr"))
      [...row.cells].slice(1).forEach((cell, column) => {
        cell.classList.toggle("now", column === k);
        if (cell.tagName === "TH") column === k ? cell.setAttribute("aria-current", "step") : cell.removeAttribute("aria-current");
      });
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    play.textContent = "Play";
    element("now").setAttribute("aria-live", "polite"); // said step by step, not while it runs
  }

  function run() {
    timer = setTimeout(() => {
      if (position === LAST) return pause();
      go(position + 1);
      run();
    }, 1000 / Number(element("speed").value));
  }

  const commands = {
    play() {
      if (timer !== null) return pause();
      element("now").setAttribute("aria-live", "off");
      if (position === LAST) go(0);
      play.textContent = "Pause";
      run();
    },
    back() {
      pause();
      go(position - 1);
    },
    step() {
      pause();
      go(position + 1);
    },
    another() {
      pause();
      const others = members().filter((one) => one !== shown);
      if (others.length) choose(kept.windows.indexOf(others[Math.floor(Math.random() * others.length)]));
    },
  };
  for (const [name, command] of Object.entries(commands)) element(name).addEventListener("click", command);
  group.addEventListener("change", () => {
    pause();
    fillPicker();
  });
  picker.addEventListener("change", () => {
    pause();
    choose(Number(picker.value));
  });
  scrub.addEventListener("input", () => {
    pause();
    go(Number(scrub.value));
  });
  for (const name of ["overlay", "futures"]) element(name).addEventListener("change", () => go(position));
  element("player").addEventListener("keydown", (event) => {
    const typed = event.target.tagName;
    if (event.ctrlKey || event.metaKey || event.altKey || typed === "SELECT") return;
    const name = { " ": typed === "BUTTON" || event.target.type === "checkbox" ? "" : "play", ".": "step", ",": "back" }[event.key];
    if (!name) return;
    event.preventDefault();
    commands[name]();
  });
  fillPicker();
  go(SEEN);
})();
