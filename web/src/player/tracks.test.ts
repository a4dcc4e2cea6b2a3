import assert from "node:assert/strict";
import { test } from "node:test";
import { heights, languageName, sounds, texts, variantFor, type VariantTrack } from "./tracks";

function variant(id: number, height: number | null, bandwidth: number, language = "en", active = false): VariantTrack {
  return { id, height, bandwidth, language, active, audioLabel: null, channels: 2 };
}

const TRACKS = [
  variant(1, 234, 300_000),
  variant(2, 360, 700_000),
  variant(3, 360, 800_000, "fr"),
  variant(4, 720, 2_500_000, "en", true),
  variant(5, 720, 2_600_000, "fr"),
  variant(6, 360, 760_000),
];

test("each height is offered once, tallest first, and sound alone is none", () => {
  assert.deepEqual(heights([...TRACKS, variant(9, null, 64_000)]), [720, 360, 234]);
  assert.deepEqual(heights([]), []);
  assert.deepEqual(heights([variant(1, 234, 1)], [720, 234]), [720, 234]);
});

test("a choice keeps the language and takes the best bitrate of that height", () => {
  assert.equal(variantFor(TRACKS, 360)?.id, 6);
  assert.equal(variantFor(TRACKS, 720)?.id, 4);
});

test("a choice of height does not change stereo to 5.1", () => {
  const wide = { ...variant(7, 360, 1_080_000), channels: 6 };
  assert.equal(variantFor([...TRACKS, wide], 360)?.id, 6);
});

test("a height that is gone means the nearest one", () => {
  assert.equal(variantFor(TRACKS, 1080)?.id, 4);
  assert.equal(variantFor(TRACKS, 240)?.id, 1);
  assert.equal(variantFor([], 240), null);
});

test("bitrates of one sound are one entry", () => {
  const tracks = [
    { active: false, language: "en", label: null },
    { active: true, language: "en", label: null },
    { active: false, language: "sv", label: "swe" },
    { active: false, language: "fr", label: "Commentaire" },
  ];
  assert.deepEqual(sounds(tracks, (code) => code.toUpperCase()), [
    { key: "en/", name: "EN", active: true },
    { key: "sv/swe", name: "SV", active: false },
    { key: "fr/Commentaire", name: "Commentaire", active: false },
  ]);
});

test("every subtitle track is an entry", () => {
  const tracks = [
    { active: false, language: "en", label: "en", forced: false },
    { active: true, language: "en", label: "Signs", forced: true },
  ];
  assert.deepEqual(texts(tracks, (code) => code.toUpperCase()), [
    { key: "en/en", name: "EN", active: false, forced: false },
    { key: "en/Signs", name: "Signs", active: true, forced: true },
  ]);
});

test("languages have names, unknown ones keep their code", () => {
  assert.equal(languageName("und"), "Original");
  assert.notEqual(languageName("fr"), "");
  assert.equal(languageName("not a language"), "not a language");
});
