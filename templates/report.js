// Cases stand in noscript elements, some in each: where no script may run that is markup, and here it is text, which costs
// nothing until somebody comes near it.
const parts = document.querySelectorAll(".some");
const fill = part => {
  const rest = part.firstElementChild;
  if (rest?.localName === "noscript") rest.outerHTML = rest.textContent;
  part.classList.remove("waits");
};
const near = new IntersectionObserver(
  entries => entries.filter(entry => entry.isIntersecting).forEach(entry => fill(entry.target)),
  { rootMargin: "100%" },
);
parts.forEach(part => {
  part.classList.add("waits"); // with the room that it will need
  near.observe(part);
});

// Who follows a link to a case wants to see it.
const follow = () => {
  const id = location.hash.slice(1);
  if (!id.startsWith("case-")) return;
  if (!document.getElementById(id)) {
    [...parts].filter(part => part.textContent.includes(`id="${id}"`)).forEach(fill);
    location.replace(location.hash); // it was not there when it became the target
  }
  document.getElementById(id)?.setAttribute("open", "");
};
addEventListener("hashchange", follow);
follow();

// Who searches the page, or prints it, means all of it.
addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && event.key === "f") parts.forEach(fill);
});
addEventListener("beforeprint", () => parts.forEach(fill));
