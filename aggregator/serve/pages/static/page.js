"use strict";
// Keys as in Google Reader: j and k walk, o opens, v opens the original, m marks as read, s stars, / goes to the filter, ? says them.
(() => {
  const stories = [...document.querySelectorAll("article.story")];
  let at = -1;
  const walk = (step) => {
    if (!stories.length) return;
    stories[at]?.classList.remove("here");
    at = Math.min(Math.max(at + step, 0), stories.length - 1);
    stories[at].classList.add("here");
    stories[at].scrollIntoView({ block: "nearest" });
    stories[at].querySelector("a")?.focus({ preventScroll: true });
  };
  const follow = (which) => stories[Math.max(at, 0)]?.querySelector(which)?.click();
  const find = () => {
    const filters = document.querySelector("details.filters");
    if (!filters) return (location.href = "/");
    filters.open = true;
    filters.querySelector("input").focus();
  };
  const help = () => {
    const found = document.querySelector("dialog.keys");
    if (found) return found.remove();
    const made = document.createElement("dialog");
    made.className = "keys";
    made.textContent = "j next · k previous · o open · v original · m read · s star · / filter · ? these keys";
    document.body.append(made);
    made.show();
  };
  const press = (key) => stories[Math.max(at, 0)]?.querySelector(`button[data-key=${key}]`)?.click();
  const keys = { m: () => press("m"), s: () => press("s"),  j: () => walk(1), k: () => walk(-1), o: () => follow("h2 a"), v: () => follow("a[rel~=noopener]"), "/": find, "?": help };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
