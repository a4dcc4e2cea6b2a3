// What is recommended to the profile, in rows.

import { useEffect, useState } from "preact/hooks";
import { currentProfile } from "../account/profile";
import { homeRows } from "../api/taste";
import type { TitledRow } from "../api/types";
import { rowsOf } from "../taste/choices";
import { useTeller } from "../taste/teller";
import { RecommendationRow } from "./row";

export function ForYou() {
  const profile = currentProfile();
  const [rows, setRows] = useState<TitledRow[]>([]);
  const teller = useTeller(profile?.id ?? null);
  const returns = useReturns();
  useEffect(() => {
    const stop = new AbortController();
    if (profile) {
      // Rows that cannot be had are no reason to trouble anybody: the library below is complete.
      homeRows(profile.id, stop.signal).then(
        (home) => setRows(rowsOf(home)),
        () => undefined,
      );
    }
    return () => stop.abort();
  }, [profile?.id, returns]);
  return (
    <>
      {rows.map((row) => (
        <RecommendationRow key={row.row} title={row.title} answer={row} teller={teller} />
      ))}
    </>
  );
}

/** How often the browser has brought the page back as it was left: what it shows may be old then. */
function useReturns(): number {
  const [returns, setReturns] = useState(0);
  useEffect(() => {
    const look = ({ persisted }: PageTransitionEvent) => {
      if (persisted) setReturns((before) => before + 1);
    };
    window.addEventListener("pageshow", look);
    return () => window.removeEventListener("pageshow", look);
  }, []);
  return returns;
}
