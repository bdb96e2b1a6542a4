// The page's own elements. What they say comes from the server in view.text; what is chosen goes there in view's properties.
const root = document.documentElement;
const wantsDark = matchMedia("(prefers-color-scheme: dark)");
const byId = (id) => document.getElementById(id);

function theme() {
  return localStorage.getItem("labnet-theme") ?? (wantsDark.matches ? "dark" : "light");
}

function paint() {
  root.dataset.theme = theme();
  if (byId("theme")) byId("theme").textContent = theme() === "dark" ? "light" : "dark";
  const style = getComputedStyle(root), ink = style.getPropertyValue("--ink"), panel = style.getPropertyValue("--panel");
  for (const doc of window.Bokeh?.documents ?? []) {
    // Text inside a plot is data to Bokeh, which takes no colour for it from the style sheet.
    doc.get_model_by_name("labels")?.setv({ text_color: ink, background_fill_color: panel }, { sync: false });
  }
  for (const view of window.Bokeh?.index.roots ?? []) {
    const canvas = view.canvas_view?.primary.canvas;
    if (canvas) canvas.width = canvas.width; // clears all of it: Bokeh leaves something of the old colour at its top and left
    view.request_repaint?.();
  }
}

function show(view) {
  for (const [id, html] of Object.entries(view.text)) {
    const element = byId(id);
    if (element && element.innerHTML !== html) element.innerHTML = html;
  }
  const slider = byId("step");
  if (slider) {
    slider.max = view.last_step;
    if (view.follow) slider.value = view.last_step;
    byId("follow").checked = view.follow;
  }
}

function ready(view) {
  view.on_change([view.properties.text, view.properties.last_step, view.properties.follow], () => show(view));
  view.on_change(view.properties.stale, () => location.reload());
  const hidden = () => { view.visible = !document.hidden; };
  document.addEventListener("visibilitychange", hidden);
  hidden();
  byId("step")?.addEventListener("input", (event) => {
    view.setv({ follow: false, step: Number(event.target.value) });
  });
  byId("follow")?.addEventListener("change", (event) => { view.follow = event.target.checked; });
  byId("whole")?.addEventListener("click", () => {
    Bokeh.index.roots.find((plot) => plot.model.name === "network").reset_range();
  });
  for (const name of ["nodes", "axis"]) {
    for (const input of document.getElementsByName(name)) {
      input.addEventListener("change", () => { view[name] = input.value; });
    }
  }
  paint();
  show(view);
}

paint();
wantsDark.addEventListener("change", paint);
addEventListener("DOMContentLoaded", () => {
  paint();
  byId("theme").addEventListener("click", () => {
    localStorage.setItem("labnet-theme", theme() === "dark" ? "light" : "dark");
    paint();
  });
});
