"use strict";
// The page around the model: a clock of fifteen steps a second, a canvas, keys, a finger.

(function () {
  const { Model, decodeWeights, generator, newest } = globalThis.PongModel;
  const read = (id) => document.getElementById(id).textContent;
  const model = new Model(JSON.parse(read("description")), decodeWeights(read("weights").trim()));

  // For tests: "#test=" and JSON [{start, actions, seed?}]; the frames that they lead to are written into the page.
  if (location.hash.startsWith("#test=")) {
    const jobs = JSON.parse(decodeURIComponent(location.hash.slice("#test=".length)));
    const result = document.createElement("pre");
    result.id = "test-result";
    result.textContent = JSON.stringify(
      jobs.map(({ start, actions, seed }) => model.rollout(start, actions, seed === undefined ? null : generator(seed))));
    document.body.append(result);
  }

  const STEP = 1000 / 15, SCALE = 4, sketch = globalThis.makeSketch();
  const [NOOP, FIRE, UP, DOWN, UP_FIRE, DOWN_FIRE] = Array(6).keys();
  const element = (id) => document.getElementById(id);
  const canvas = element("game"), pen = canvas.getContext("2d"), status = element("status");
  canvas.width = sketch.width * SCALE;
  canvas.height = sketch.height * SCALE;
  pen.scale(SCALE, SCALE);

  const held = new Set();
  let finger = null; // the height at which a pointer is held on the canvas, in pixels of the game
  let random = generator(Date.now()), sampling = false, agentPlays = false, paused = false;
  let state, steps, over, saidAt = -Infinity;

  function begin() {
    state = model.start(Math.floor(random() * model.d.starts.length));
    steps = 0;
    over = false;
    draw();
  }

  function say(text) {
    status.textContent = text;
    saidAt = steps;
  }

  function action() {
    if (agentPlays) return model.act(state, random);
    let direction = held.has("up") - held.has("down");
    if (!direction && finger !== null) {
      const centre = newest(state.stack)[1] + 8;
      direction = Math.abs(finger - centre) < 6 ? 0 : finger < centre ? 1 : -1;
    }
    const fire = held.has("fire");
    return direction > 0 ? (fire ? UP_FIRE : UP) : direction < 0 ? (fire ? DOWN_FIRE : DOWN) : fire ? FIRE : NOOP;
  }

  function step() {
    if (over) begin();
    state = model.step(state, action(), sampling ? random : null);
    steps += 1;
    const frame = newest(state.stack);
    over = Math.max(frame[10], frame[11]) >= 21 || model.continuation(state) < 0.5;
    if (over) say(`The dreamt game is over, ${frame[10]} : ${frame[11]}.`);
    else if (steps - saidAt > 30) {
      const seconds = Math.floor(steps / 15);
      status.textContent = `${agentPlays ? "The agent plays" : "You play"}, right. Dreaming for ${seconds} s.`;
    }
    draw();
  }

  function draw() {
    const frame = newest(state.stack).map(Math.round); // to the console's own pixels
    sketch.ground(pen, frame, true);
    sketch.draw(pen, frame, "solid");
  }

  function press(button, on) {
    element(button).setAttribute("aria-pressed", String(on));
  }

  const commands = {
    agent() {
      if (!model.agent) return;
      agentPlays = !agentPlays;
      press("agent", agentPlays);
      say(agentPlays ? "The agent plays." : "You play.");
    },
    sample() {
      sampling = !sampling;
      press("sample", sampling);
      say(sampling ? "Chance decides." : "The likeliest happens.");
    },
    pause() {
      paused = !paused;
      press("pause", paused);
      if (paused) status.textContent = "Paused.";
    },
    step() {
      if (!paused) commands.pause();
      step();
    },
    restart() {
      begin();
      say("A new start, in a real game.");
    },
  };
  const KEYS = { m: "agent", s: "sample", " ": "pause", ".": "step", n: "restart" };
  const HOLD = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "fire", ArrowLeft: "fire" };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLButtonElement && event.key === " ") return; // presses the button
    if (HOLD[event.key]) held.add(HOLD[event.key]);
    else if (KEYS[event.key] && !event.repeat) commands[KEYS[event.key]]();
    else return;
    event.preventDefault();
  });
  addEventListener("keyup", (event) => held.delete(HOLD[event.key]));
  addEventListener("blur", () => held.clear());

  const point = (event) => {
    const area = canvas.getBoundingClientRect();
    finger = ((event.clientY - area.top) / area.height) * sketch.height;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    point(event);
  });
  canvas.addEventListener("pointermove", (event) => finger !== null && point(event));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (finger = null));
  element("fire").addEventListener("pointerdown", () => held.add("fire"));
  for (const end of ["pointerup", "pointercancel", "pointerleave"])
    element("fire").addEventListener(end, () => held.delete("fire"));
  for (const name of Object.keys(commands)) element(name).addEventListener("click", commands[name]);
  if (!model.agent) {
    element("agent").disabled = true;
    element("agent").title = "This page was made without an agent.";
  }

  // A step whenever one is due; after a pause of the browser the time that was lost is not made up for.
  let due = performance.now();
  function tick(now) {
    if (now >= due) {
      due = Math.max(due + STEP, now - STEP);
      if (!paused) step();
    }
    requestAnimationFrame(tick);
  }
  begin();
  say("Arrow keys, or hold a finger where the paddle should go.");
  requestAnimationFrame(tick);
})();
