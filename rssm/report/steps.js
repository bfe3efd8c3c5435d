"use strict";
// Choosing a step k: texts (data-k), bars (data-w, percent) and the order of rows (data-order) follow.

(function () {
  const choices = document.querySelectorAll('input[name="k"]');
  const values = new Map();
  const of = (element, name) => {
    const key = `${name}`;
    if (!values.has(element)) values.set(element, {});
    return (values.get(element)[key] ??= JSON.parse(element.dataset[name]));
  };

  function show(k) {
    for (const element of document.querySelectorAll("[data-k]")) element.textContent = of(element, "k")[k];
    for (const element of document.querySelectorAll("[data-w]")) element.style.width = `${of(element, "w")[k]}%`;
    for (const body of document.querySelectorAll("tbody[data-sorted]"))
      body.append(...[...body.rows].sort((a, b) => of(b, "order")[k] - of(a, "order")[k]));
  }

  for (const choice of choices) choice.addEventListener("change", () => show(Number(choice.value)));
  const chosen = [...choices].find((choice) => choice.checked);
  if (chosen) show(Number(chosen.value)); // a browser may remember what was chosen before a reload

  // What is folded up is printed too.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
