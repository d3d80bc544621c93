// What surrounds a scene: light or dark pages, paper, and a browser that takes memory back.

const REST = 2000; // milliseconds out of sight before a scene in a frame frees its memory
const LOST = "The browser has taken the memory of this picture. It comes back by itself if it can; otherwise reload the page.";

/** The color that a variable of the style sheet has in the present theme. */
export function styleColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The page around a frame, if it may be looked at. */
function host() {
  try {
    return window.frameElement?.ownerDocument.body ?? null;
  } catch {
    return null;
  }
}

/** Whether the page around a frame was set to "dark" or "light"; undefined if it follows the system. */
function wished(body) {
  const { theme, jpThemeLight } = body?.dataset ?? {};
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  return ["dark", "light"].includes(theme) ? theme : undefined;
}

/** Follow the theme of the page around a frame, or else of the system; on paper all is light. */
export function followTheme(viewers) {
  const body = host();
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (onPaper = false) => {
    const isDark = !onPaper && (wished(body) ?? (system.matches ? "dark" : "light")) === "dark";
    document.documentElement.dataset.scheme = isDark ? "dark" : "light";
    viewers().forEach((viewer) => viewer.recolor());
    if (onPaper) viewers().forEach((viewer) => viewer.paint());
  };
  system.addEventListener("change", () => apply());
  if (body) new MutationObserver(() => apply()).observe(body, { attributes: true });
  window.addEventListener("beforeprint", () => apply(true));
  window.addEventListener("afterprint", () => apply());
  apply();
}

/** Say so when the picture's memory is lost, draw again when it is back, free it while out of sight. */
export function watchContext(viewer) {
  const note = document.createElement("p");
  note.className = "lost";
  note.setAttribute("role", "status");
  note.textContent = LOST;
  note.hidden = true;
  viewer.parent.append(note);
  viewer.canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault(); // else it would never come back
    note.hidden = viewer.resting === true;
  });
  viewer.canvas.addEventListener("webglcontextrestored", () => {
    note.hidden = true;
    viewer.recolor();
  });
  if (window === window.top) return;
  let timer = 0;
  new IntersectionObserver(([{ isIntersecting }]) => {
    clearTimeout(timer);
    if (isIntersecting && viewer.resting) {
      viewer.resting = false;
      viewer.renderer.forceContextRestore();
    } else if (!isIntersecting) {
      timer = setTimeout(() => {
        viewer.resting = true;
        viewer.renderer.forceContextLoss();
      }, REST);
    }
  }).observe(viewer.parent);
}
