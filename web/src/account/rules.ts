// What may be recommended to a profile, as people write it in a form.

import type { Profile } from "../api/types";
import { names, number } from "../ui/form";

/** The rules of a profile as text. */
export interface RulesForm {
  maturity_age_max: string;
  genres_hidden: string;
}

export type Rules = Pick<Profile, "maturity_age_max" | "genres_hidden">;

export function rulesForm({ maturity_age_max, genres_hidden }: Rules): RulesForm {
  return { maturity_age_max: maturity_age_max?.toString() ?? "", genres_hidden: genres_hidden.join(", ") };
}

/** What `form` changes of `rules`. What it does not change is left out, so that a genre with a comma stays one. */
export function changedRules(rules: Rules, form: RulesForm): Partial<Rules> {
  const before = rulesForm(rules);
  const changed: Partial<Rules> = {};
  if (form.maturity_age_max !== before.maturity_age_max) changed.maturity_age_max = number(form.maturity_age_max);
  if (form.genres_hidden !== before.genres_hidden) changed.genres_hidden = names(form.genres_hidden);
  return changed;
}
