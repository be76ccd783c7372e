/** Light, dark, or as the system has it. */

import { useEffect, useState } from "preact/hooks";

export type Theme = "system" | "light" | "dark";

const KEY = "instinct.theme";
const CHANGED = "instinct-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

function apply() {
  const chosen = theme();
  document.documentElement.dataset.theme = chosen === "system" ? (system.matches ? "dark" : "light") : chosen;
  dispatchEvent(new Event(CHANGED));
}

/** Puts the page into its theme, and keeps it in step with the system. */
export function startTheme() {
  system.addEventListener("change", apply);
  apply();
}

export function setTheme(to: Theme) {
  if (to === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, to);
  apply();
}

/** Whether it is dark now; whoever draws on a canvas draws again when that changes. */
export function useDark(): boolean {
  const dark = () => document.documentElement.dataset.theme === "dark";
  const [is, set] = useState(dark);
  useEffect(() => {
    const look = () => set(dark());
    addEventListener(CHANGED, look);
    return () => removeEventListener(CHANGED, look);
  }, []);
  return is;
}

/** A colour of the style sheet as it is now, for a canvas, which knows neither variables nor `light-dark()`. */
export function colour(name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const now = getComputedStyle(probe).color;
  probe.remove();
  return now;
}
