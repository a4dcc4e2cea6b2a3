//! Recipes by name: the files of `transcoder/recipes/`, built into the binary.

use marquee_core::{
    Error, Result,
    plan::{RECIPES, Recipe},
};

/// The recipe that is used where none is named.
pub const STANDARD: &str = "standard";

const TEXTS: [(&str, &str); RECIPES.len()] = [
    ("fast", include_str!("../recipes/fast.toml")),
    (STANDARD, include_str!("../recipes/standard.toml")),
    ("quality", include_str!("../recipes/quality.toml")),
    ("archive", include_str!("../recipes/archive.toml")),
];
/// Names of x264's presets, fastest first.
const PRESETS: [&str; 10] =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"];

/// The recipe called `name`, with x264's `preset` in place of its own if one is given.
///
/// # Errors
/// `Invalid`, naming what there is to choose from.
pub fn load(name: &str, preset: Option<&str>) -> Result<Recipe> {
    let Some((_, text)) = TEXTS.iter().find(|(known, _)| *known == name) else {
        let known = RECIPES.join(", ");
        return Err(Error::invalid("unknown_recipe", format!("there is no recipe called {name:?}; there are: {known}")));
    };
    let mut recipe: Recipe = toml::from_str(text).map_err(Error::internal)?;
    if let Some(preset) = preset {
        if !PRESETS.contains(&preset) {
            let known = PRESETS.join(", ");
            return Err(Error::invalid("unknown_preset", format!("x264 has no preset {preset:?}; it has: {known}")));
        }
        preset.clone_into(&mut recipe.preset);
        if let Some(per_title) = &mut recipe.per_title {
            preset.clone_into(&mut per_title.preset);
            (per_title.options, per_title.work) = (String::new(), 1.0);
            per_title.lowest.iter_mut().for_each(|lowest| preset.clone_into(&mut lowest.preset));
        }
    }
    Ok(recipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::plan::Codec;

    #[test]
    fn every_recipe_reads_and_its_rungs_go_down() {
        assert_eq!(TEXTS.map(|(name, _)| name), RECIPES);
        for name in RECIPES {
            let recipe = load(name, None).expect(name);
            assert!(PRESETS.contains(&recipe.preset.as_str()), "{name}");
            assert!(recipe.rungs.windows(2).all(|pair| pair[0].height > pair[1].height), "{name}");
            assert!(recipe.rungs.windows(2).all(|pair| pair[0].max_bitrate_bps > pair[1].max_bitrate_bps), "{name}");
            let mut codecs = std::collections::BTreeSet::from([Codec::H264]);
            for ladder in &recipe.additional {
                assert!(codecs.insert(ladder.codec), "{name} has two ladders of a codec");
                assert!(ladder.rungs.windows(2).all(|pair| pair[0].height > pair[1].height), "{name}");
                assert!(ladder.rungs.windows(2).all(|pair| pair[0].max_bitrate_bps > pair[1].max_bitrate_bps), "{name}");
                match ladder.codec {
                    Codec::Av1 => assert!(ladder.preset.parse::<u8>().is_ok_and(|preset| preset <= 13), "{name}"),
                    _ => assert!(PRESETS.contains(&ladder.preset.as_str()), "{name}"),
                }
            }
            assert!(recipe.audio.windows(2).all(|pair| pair[0].bitrate_bps > pair[1].bitrate_bps), "{name}");
        }
    }

    #[test]
    fn a_preset_replaces_the_recipes_own_and_mistakes_name_the_choices() {
        assert_eq!(load(STANDARD, Some("medium")).map(|recipe| recipe.preset).ok().as_deref(), Some("medium"));
        assert!(load(STANDARD, Some("warp")).expect_err("no such preset").message().contains("veryfast"));
        assert!(load("cinema", None).expect_err("no such recipe").message().contains(STANDARD));
    }
}
