/** Where the reader is: the part after the `#`. */

import { useEffect, useState } from "preact/hooks";

export const VIEWS = ["overview", "try", "decisions", "strategies"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  /** What is chosen within the view: a decision, a strategy. */
  of: string | null;
}

function here(): Route {
  const [, view = "", of = ""] = location.hash.split("/");
  const known = VIEWS.find((name) => name === view) ?? "overview";
  return { view: known, of: of ? decodeURIComponent(of) : null };
}

export function useRoute(): Route {
  const [route, set] = useState(here);
  useEffect(() => {
    const look = () => set(here());
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  return route;
}

export function path(view: View, of?: string | null): string {
  return of ? `#/${view}/${encodeURIComponent(of)}` : `#/${view}`;
}

/** Goes there; `quietly` leaves no step behind to come back to. */
export function go(view: View, of?: string | null, quietly = false) {
  if (quietly) {
    history.replaceState(null, "", path(view, of));
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = path(view, of);
  }
}
