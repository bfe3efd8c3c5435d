"use strict";
// The world model's imagination in plain JavaScript: one step of the prior, the decoder, the heads, and the agent's
// policy. It mirrors rssm/model and rssm/games/pong; arrays are flat, a batch is one game.

(function (root) {
  const STACK = 4, FEATURES = 14, ACTIONS = 6;
  const [PLAYER_X, PLAYER_Y, ENEMY_X, ENEMY_Y, , , BALL_SPAWNED, , BALL_X, BALL_Y, ENEMY_SCORE, PLAYER_SCORE,
    SCORE_PLAYER, SCORE_ENEMY] = Array(FEATURES).keys();
  const POSITIONS = [PLAYER_Y, ENEMY_Y, BALL_X, BALL_Y];
  const RELATIVE = [[BALL_Y, PLAYER_Y], [BALL_Y, ENEMY_Y]];

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const join = (...parts) => Float64Array.from(parts.flatMap((part) => Array.from(part)));
  const oneHot = (index, size) => Float64Array.from({ length: size }, (_, i) => (i === index ? 1 : 0));
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const argmax = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

  function softmax(logits) {
    const most = Math.max(...logits);
    const odds = Array.from(logits, (logit) => Math.exp(logit - most));
    const total = sum(odds);
    return odds.map((value) => value / total);
  }

  // An index drawn with the given odds, which need not sum to 1.
  function draw(odds, random) {
    let left = random() * sum(odds);
    for (let i = 0; i < odds.length; i++) {
      left -= odds[i];
      if (left < 0) return i;
    }
    return odds.findLastIndex((value) => value > 0);
  }

  // Mulberry32: a small generator, so that a seed gives the same dream again.
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function product(weight, [rows, columns], x, bias) {
    const y = new Float64Array(rows);
    for (let r = 0, at = 0; r < rows; r++) {
      let total = bias ? bias[r] : 0;
      for (let c = 0; c < columns; c++) total += weight[at++] * x[c];
      y[r] = total;
    }
    return y;
  }

  // Sines, then cosines, of every coordinate at periods that are powers of two.
  function waves(coordinates, shortest, longest) {
    const angles = [];
    for (const x of coordinates)
      for (let power = shortest; power <= longest; power++) angles.push((x * 2 * Math.PI) / 2 ** power);
    return join(angles.map(Math.sin), angles.map(Math.cos));
  }

  const newest = (stack, ago = 0) => Array.from({ length: FEATURES }, (_, f) => stack[f * STACK + STACK - 1 - ago]);

  function shifted(stack, frame) {
    const next = new Float64Array(FEATURES * STACK);
    for (let f = 0; f < FEATURES; f++) {
      for (let t = 0; t + 1 < STACK; t++) next[f * STACK + t] = stack[f * STACK + t + 1];
      next[f * STACK + STACK - 1] = frame[f];
    }
    return next;
  }

  function withScores(frame, previous) {
    frame[ENEMY_SCORE] = previous[ENEMY_SCORE] + frame[SCORE_ENEMY];
    frame[PLAYER_SCORE] = previous[PLAYER_SCORE] + frame[SCORE_PLAYER];
    return frame;
  }

  class Model {
    // description: what rssm/games/pong/export/payload.py writes; weights: Float32Array of all tensors, end to end.
    constructor(description, weights) {
      this.d = description;
      this.c = description.model;
      this.tensors = {};
      for (const [name, { offset, shape }] of Object.entries(description.tensors))
        this.tensors[name] = { data: weights.subarray(offset, offset + shape.reduce((a, b) => a * b, 1)), shape };
      this.readsFrame = this.c.decoder !== "direct";
      this.agent = description.agent;
    }

    linear(name, x) {
      const weight = this.tensors[`${name}.weight`], bias = this.tensors[`${name}.bias`];
      return product(weight.data, weight.shape, x, bias && bias.data);
    }

    // Linear layers; a layer norm is followed by SiLU.
    mlp(name, x) {
      for (let i = 0; this.tensors[`${name}.layers.${i}.weight`] || this.tensors[`${name}.layers.${i + 1}.weight`]; i++) {
        const layer = `${name}.layers.${i}`, weight = this.tensors[`${layer}.weight`];
        if (!weight) continue;
        x = weight.shape.length === 2 ? this.linear(layer, x) : this.normSilu(layer, x);
      }
      return x;
    }

    normSilu(name, x) {
      const scale = this.tensors[`${name}.weight`].data, bias = this.tensors[`${name}.bias`].data;
      const mean = sum(x) / x.length;
      const deviation = Math.sqrt(x.reduce((total, v) => total + (v - mean) ** 2, 0) / x.length + 1e-5);
      return x.map((v, i) => {
        const y = ((v - mean) / deviation) * scale[i] + bias[i];
        return y * sigmoid(y);
      });
    }

    // What is to be seen in a stack (rssm.games.pong.encoder.Look).
    look(stack) {
      const { mean, std, low, high } = this.d.statistics;
      const relative = RELATIVE.flatMap(([a, b]) => Array.from({ length: STACK }, (_, t) => stack[a * STACK + t] - stack[b * STACK + t]));
      const normal = [];
      for (let f = 0; f < FEATURES; f++)
        if (f !== ENEMY_SCORE && f !== PLAYER_SCORE)
          for (let t = 0; t < STACK; t++) normal.push((stack[f * STACK + t] - mean[f]) / std[f]);
      const changes = POSITIONS.flatMap((f) => [1, 2, 3].map((t) => stack[f * STACK + t] - stack[f * STACK + t - 1]));
      const ball = stack[BALL_Y * STACK + STACK - 1];
      const inPixels = (values) => values.map((v) => clamp(v, -24, 24) / 8);
      return {
        coarse: join(normal, relative.map((v) => v / 64)),
        fine: inPixels([...changes, Math.abs(ball - low[BALL_Y]), Math.abs(ball - high[BALL_Y])]),
        near: inPixels(RELATIVE.map((_, pair) => relative[pair * STACK + STACK - 1])),
        positions: [...POSITIONS.flatMap((f) => Array.from(stack.slice(f * STACK, f * STACK + STACK))), ...relative],
      };
    }

    embed(look) {
      return this.mlp("encoder.network", join(look.coarse, waves(look.positions, 4, this.c.fourier), look.fine));
    }

    gru(x, h) {
      const input = this.tensors["rssm.gru.weight_ih_l0"], hidden = this.tensors["rssm.gru.weight_hh_l0"];
      const a = product(input.data, input.shape, x, this.tensors["rssm.gru.bias_ih_l0"].data);
      const b = product(hidden.data, hidden.shape, h, this.tensors["rssm.gru.bias_hh_l0"].data);
      const n = h.length;
      return Float64Array.from(h, (value, i) => {
        const reset = sigmoid(a[i] + b[i]), update = sigmoid(a[n + i] + b[n + i]);
        return (1 - update) * Math.tanh(a[2 * n + i] + reset * b[2 * n + i]) + update * value;
      });
    }

    // One step from the prior alone. state: {deter, stoch, stack}; random: null takes the mode of all that is uncertain.
    step(state, action, random = null) {
      const embedding = this.embed(this.look(state.stack)), taken = oneHot(action, ACTIONS);
      const deter = this.gru(join(state.stoch, taken, this.readsFrame ? embedding : []), state.deter);
      const logits = this.mlp("rssm.prior_network", deter);
      const { stoch: groups, classes, unimix } = this.c;
      const stoch = new Float64Array(groups * classes);
      for (let g = 0; g < groups; g++) {
        const p = softmax(logits.slice(g * classes, (g + 1) * classes)).map((v) => (1 - unimix) * v + unimix / classes);
        stoch[g * classes + (random ? draw(p, random) : argmax(p))] = 1;
      }
      const stack = this.decode(join(deter, stoch), embedding, state.stack, action, random);
      return { deter, stoch, stack };
    }

    decode(latent, embedding, stack, action, random) {
      if (this.c.decoder === "direct") return this.decodeDirect(latent, stack);
      const inputs = join(latent, embedding, oneHot(action, ACTIONS)), previous = newest(stack);
      if (this.c.likelihood !== "discrete") {
        const { std } = this.d.statistics, change = this.mlp("decoder.network", inputs);
        return shifted(stack, withScores(previous.map((v, f) => v + change[f] * std[f]), previous));
      }
      const hidden = this.mlp("decoder.trunk", inputs);
      const frame = previous.slice();
      this.pick("first", this.mlp("decoder.first_head", hidden), stack, frame, random);
      const contact = this.contact(hidden, this.approach(stack, frame, action));
      const ball = this.mlp("decoder.ball_head", join(hidden, contact, [frame[BALL_SPAWNED]], oneHot(action, ACTIONS)));
      this.pick("ball", ball, stack, frame, random);
      return shifted(stack, withScores(frame, previous));
    }

    decodeDirect(latent, stack) {
      const { mean, std } = this.d.statistics, output = this.mlp("decoder.network", latent);
      const grid = output.map((v, i) => v * std[Math.floor(i / STACK)] + mean[Math.floor(i / STACK)]);
      const next = shifted(stack, withScores(newest(grid), newest(stack)));
      for (const f of [ENEMY_SCORE, PLAYER_SCORE])
        for (let t = 0; t < STACK; t++) grid[f * STACK + t] = next[f * STACK + t];
      return grid;
    }

    // Decode some features into frame: the likeliest value of each, or one that is drawn. Outcomes that lead to the same
    // value add up (rssm.model.likelihoods.Categoricals).
    pick(part, output, stack, frame, random) {
      const { values, staying, continuing, sizes, features } = this.d.outcomes[part];
      const before = newest(stack), earlier = newest(stack, 1), count = features.length;
      for (let f = 0, at = 0; f < count; at += sizes[f++]) {
        const feature = features[f], change = before[feature] - earlier[feature];
        const centre = 8 * output[values.length + f];
        const bell = 0.5 * Math.exp(output[values.length + count + f] - 4);
        const leads = [], odds = [], mass = new Map();
        for (let k = at; k < at + sizes[f]; k++) {
          const moving = staying[k] * (1 - continuing[k]);
          const logit = output[k] - bell * moving * (values[k] - centre) ** 2;
          leads.push(before[feature] * staying[k] + change * continuing[k] + values[k]);
          odds.push(Math.exp(30 * Math.tanh(logit / 30)));
          mass.set(leads.at(-1), (mass.get(leads.at(-1)) || 0) + odds.at(-1));
        }
        const masses = leads.map((value) => mass.get(value)), most = Math.max(...masses);
        const likely = odds.map((value, k) => (masses[k] >= this.c.min_p * most ? value : 0));
        frame[feature] = leads[random ? draw(likely, random) : argmax(masses)];
      }
    }

    // The ball as seen from the nearer paddle in each console frame of the step, for both clocks.
    approach(stack, following, action) {
      const { share, pull } = this.d.statistics.paddle, { low, high } = this.d.statistics;
      const frame = newest(stack), earlier = newest(stack, 1), passed = [0, 0.25, 0.5, 0.75];
      const right = frame[BALL_X] > (frame[PLAYER_X] + frame[ENEMY_X]) / 2;
      const column = right ? frame[PLAYER_X] : frame[ENEMY_X];
      const across = passed.map((t) => frame[BALL_X] - column + t * (frame[BALL_X] - earlier[BALL_X]));
      const height = passed.map((t) => frame[BALL_Y] + t * (frame[BALL_Y] - earlier[BALL_Y]));
      const begin = frame[PLAYER_Y], end = following[PLAYER_Y];
      const between = clamp(begin + share * (end - begin) + pull[action], low[PLAYER_Y], high[PLAYER_Y]);
      const enemy = passed.map((t) => frame[ENEMY_Y] + t * (following[ENEMY_Y] - frame[ENEMY_Y]));
      const clocks = [[begin, between, between, end], [begin, begin, between, between]];
      return clocks.flatMap((paddle) =>
        passed.map((_, t) => [across[t], height[t] - (right ? paddle[t] : enemy[t])].map((v) => clamp(v, -48, 48))));
    }

    contact(hidden, views) {
      const read = views.map((view) =>
        this.mlp("decoder.contact.read", join(view.map((v) => v / 16), waves(view, 1, this.c.fourier))));
      const attend = this.mlp("decoder.contact.attend", hidden), width = read[0].length - 1;
      const which = softmax(read.map((one, v) => 4 * one[width] + attend[v]));
      const seen = Array.from({ length: width }, (_, i) => sum(read.map((one, v) => which[v] * one[i])));
      return join(seen, which);
    }

    features(state) {
      return join(state.deter, state.stoch, this.embed(this.look(state.stack)));
    }

    // The probability that the game goes on after the step that led to the state.
    continuation(state) {
      return sigmoid(this.mlp("continue_head", this.features(state))[0]);
    }

    // The agent's action: the likeliest, or drawn from its policy.
    act(state, random = null) {
      const look = this.look(state.stack), { allowed, unimix } = this.agent;
      const sight = join(state.deter, state.stoch, this.embed(look), look.coarse, look.fine, look.near);
      const p = softmax(this.mlp("agent", sight)).map((v) => (1 - unimix) * v + unimix / allowed.length);
      return allowed[random ? draw(p, random) : argmax(p)];
    }

    start(index) {
      const { deter, stoch, stack } = this.d.starts[index], { stoch: groups, classes } = this.c;
      const latent = new Float64Array(groups * classes);
      stoch.forEach((one, g) => (latent[g * classes + one] = 1));
      return { deter: Float64Array.from(deter), stoch: latent, stack: Float64Array.from(stack) };
    }

    // The frames that a list of actions leads to from a start, as arrays of 14 numbers; an action of -1 is the agent's.
    rollout(index, actions, random = null) {
      let state = this.start(index);
      return actions.map((action) => {
        state = this.step(state, action < 0 ? this.act(state, random) : action, random);
        return newest(state.stack);
      });
    }
  }

  function decodeWeights(base64) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  root.PongModel = { Model, decodeWeights, generator, newest };
})(globalThis);
