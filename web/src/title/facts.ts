// What is known of a title, as people read it and as they write it in a form.

import type { Facts } from "../api/types";
import { names, number } from "../ui/form";

/** The facts that the form has, as text. */
export interface Form {
  genres: string;
  people: string;
  year: string;
  language: string;
  maturity_age: string;
}

export function formOf(facts: Facts): Form {
  return {
    genres: facts.genres.join(", "),
    people: facts.people.join(", "),
    year: facts.year?.toString() ?? "",
    language: facts.language ?? "",
    maturity_age: facts.maturity_age?.toString() ?? "",
  };
}

/** What `form` changes of `facts`. What it does not change is left out, so that a name with a comma stays one. */
export function changes(facts: Facts, form: Form): Partial<Facts> {
  const before = formOf(facts);
  const changed: Partial<Facts> = {};
  if (form.genres !== before.genres) changed.genres = names(form.genres);
  if (form.people !== before.people) changed.people = names(form.people);
  if (form.year !== before.year) changed.year = number(form.year);
  if (form.language !== before.language) changed.language = form.language.trim() || null;
  if (form.maturity_age !== before.maturity_age) changed.maturity_age = number(form.maturity_age);
  return changed;
}

/** The facts that stand in one line beside the length of a title. */
export function line(facts: Facts): string[] {
  const { genres, year, maturity_age } = facts;
  return [year?.toString(), genres.join(", "), maturity_age === null ? "" : `${maturity_age}+`].filter((fact): fact is string => Boolean(fact));
}
