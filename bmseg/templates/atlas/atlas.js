"use strict";
// Masks shown and hidden, slices turned, by buttons and keys. Without it the page shows all but the slices beside.
(() => {
  const cases = Array.from(document.querySelectorAll(".case"), makeCase);
  const hide = document.getElementById("hide");

  function makeCase(box) {
    const figure = box.matches("figure") ? box : box.querySelector("figure.example");
    const images = Array.from(figure.querySelectorAll(".pic > img:not(.mask)"));
    const masks = Array.from(figure.querySelectorAll(".pic > img.mask"));
    const own = Number(figure.dataset.slice);
    const slices = new Map([[own, [images[0].src, masks[0].src]]]);
    figure.querySelectorAll(".slices > img[data-slice]").forEach((image) => {
      slices.set(Number(image.dataset.slice), [image.src, image.nextElementSibling.src]);
    });
    const numbers = Array.from(slices.keys()).sort((a, b) => a - b);
    const bar = figure.querySelector(".turn");
    const [reveal, back, on] = bar.querySelectorAll("button");
    const said = bar.querySelector("output");
    let now = own;
    const turn = (number) => {
      if (!slices.has(number)) return;
      now = number;
      const [image, mask] = slices.get(now);
      images.forEach((one) => { one.src = image; });
      masks.forEach((one) => { one.src = mask; });
      [...images, ...masks].forEach((one) => { one.alt = one.alt.replace(/slice \d+/, `slice ${now}`); });
      said.textContent = now === own ? `slice ${now}` : `slice ${now} (the text is of slice ${own})`;
      back.disabled = !slices.has(now - 1);
      on.disabled = !slices.has(now + 1);
    };
    const found = {
      figure,
      isShown: () => (hide.checked ? box.classList.contains("shown") : !box.classList.contains("covered")),
      show(isShown) {
        box.classList.toggle("shown", isShown && hide.checked);
        box.classList.toggle("covered", !isShown && !hide.checked);
        reveal.setAttribute("aria-pressed", String(isShown));
      },
      step: (by) => turn(now + by),
      home: () => turn(own),
    };
    reveal.addEventListener("click", () => found.show(!found.isShown()));
    back.addEventListener("click", () => found.step(-1));
    on.addEventListener("click", () => found.step(1));
    bar.hidden = false;
    if (numbers.length < 2) [back, on, said].forEach((one) => { one.hidden = true; });
    turn(own);
    return found;
  }

  const at = (target) => cases.find((one) => one.figure.contains(target));

  // Beside an example the next one; else the first in sight.
  function go(by) {
    const here = at(document.activeElement);
    const inSight = cases.findIndex((one) => one.figure.getBoundingClientRect().bottom > 60);
    const place = here ? cases.indexOf(here) + by : by > 0 ? inSight : inSight - 1;
    const next = cases[Math.min(Math.max(place, 0), cases.length - 1)];
    next.figure.focus({ preventScroll: true });
    next.figure.scrollIntoView({ block: "center" });
  }

  function hideAll() {
    cases.forEach((one) => one.show(!hide.checked));
  }

  function darken() {
    const dark = document.getElementById("theme-dark");
    const isDark = dark.checked || (!document.getElementById("theme-light").checked &&
      matchMedia("(prefers-color-scheme: dark)").matches);
    document.getElementById(isDark ? "theme-light" : "theme-dark").checked = true;
  }

  const keys = {
    n: () => go(1),
    p: () => go(-1),
    m: (one) => one && one.show(!one.isShown()),
    h: () => { hide.checked = !hide.checked; hideAll(); },
    d: darken,
    ArrowUp: (one) => one && one.step(-1),
    ArrowDown: (one) => one && one.step(1),
    Home: (one) => one && one.home(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const one = at(event.target);
    if (!Object.hasOwn(keys, name) || (event.key.length > 1 && !one)) return;
    keys[name](one);
    event.preventDefault();
  });
  hide.addEventListener("change", hideAll);
  document.querySelector(".keys").hidden = false;
  hideAll();
})();
