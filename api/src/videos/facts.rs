//! What is known of a video as a title: shown with it, and changed by whoever may change it.

use super::{
    ops::{self, TITLE_LENGTH_MAX},
    routes::VideoView,
};
use crate::{
    app::App,
    auth::Caller,
    extract::{Json, Path, given, given_time},
    problem::{self, Answer},
    users::ops::check_name,
};
use axum::extract::State;
use marquee_backends::db::facts::Facts;
use marquee_core::{Error, Result, id::VideoId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Genres of a title, or genres that a profile hides, at most.
pub(crate) const GENRES_MAX: usize = 20;
/// Highest age that a title can be for.
pub(crate) const MATURITY_AGE_MAX: i16 = 21;
/// People of a title at most.
const PEOPLE_MAX: usize = 100;
/// Territories of a title at most: more than there are.
const TERRITORIES_MAX: usize = 250;
/// Longest name of a genre or a person.
const NAME_LENGTH_MAX: usize = 100;
/// Longest description.
const DESCRIPTION_LENGTH_MAX: usize = 4000;
/// Longest tag of a language, which is what RFC 5646 tells everybody to have room for.
const LANGUAGE_LENGTH_MAX: usize = 35;
/// Years in which a title can have come out.
const YEARS: std::ops::RangeInclusive<i32> = 1850..=2200;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(edit))
}

/// What is known of a title.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Facts)]
pub(super) struct FactsView {
    /// Its genres, the most telling first.
    genres: Vec<String>,
    /// Names of those who made it and act in it.
    people: Vec<String>,
    /// When it came out.
    year: Option<i32>,
    /// The language that it was made in, BCP 47.
    #[schema(example = "pt-BR")]
    language: Option<String>,
    /// From which age it is meant for; null if it was not rated.
    maturity_age: Option<i16>,
    /// Where it may be shown, ISO 3166-1 alpha-2; null if everywhere.
    territories: Option<Vec<String>>,
    /// What it is about.
    description: Option<String>,
    /// Since when it may be shown, if that matters.
    #[serde(with = "time::serde::rfc3339::option")]
    available_from: Option<OffsetDateTime>,
    /// When that ends, if it does.
    #[serde(with = "time::serde::rfc3339::option")]
    available_until: Option<OffsetDateTime>,
}

/// What is to be known of a title. What is left out stays as it is, null takes it away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FactsEdit {
    /// Up to 20 genres of 1 to 100 characters, the most telling first.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    genres: Option<Option<Vec<String>>>,
    /// Up to 100 names of those who made it and act in it, of 1 to 100 characters.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    people: Option<Option<Vec<String>>>,
    /// When it came out, 1850 to 2200.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i32>)]
    year: Option<Option<i32>>,
    /// The language that it was made in, BCP 47.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "pt-BR")]
    language: Option<Option<String>>,
    /// From which age it is meant for, 0 to 21.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i16>)]
    maturity_age: Option<Option<i16>>,
    /// Where it may be shown, ISO 3166-1 alpha-2; null if everywhere.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    territories: Option<Option<Vec<String>>>,
    /// What it is about, up to 4000 characters.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    /// Since when it may be shown.
    #[serde(deserialize_with = "given_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    available_from: Option<Option<OffsetDateTime>>,
    /// When that ends.
    #[serde(deserialize_with = "given_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    available_until: Option<Option<OffsetDateTime>>,
}

/// What is to be changed of a video.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VideoEdit {
    /// 1 to 500 characters; as before if it is left out.
    title: Option<String>,
    /// What is to be known of it.
    #[serde(default)]
    facts: FactsEdit,
}

impl From<Facts> for FactsView {
    fn from(facts: Facts) -> Self {
        Self {
            genres: facts.genres,
            people: facts.people,
            year: facts.year,
            language: facts.language,
            maturity_age: facts.maturity_age,
            territories: facts.territories,
            description: facts.description,
            available_from: facts.available_from,
            available_until: facts.available_until,
        }
    }
}

impl FactsEdit {
    /// Whether it leaves everything as it is.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `facts` with what is given here.
    pub(super) fn apply(self, facts: Facts) -> Result<Facts> {
        let invalid = |why: String| Error::invalid("invalid_facts", why);
        let names = |field, given: Option<Vec<String>>, count_max| {
            check_names(field, given.unwrap_or_default(), count_max).map_err(invalid)
        };
        let edited = Facts {
            genres: self.genres.map_or(Ok(facts.genres), |given| names("facts.genres", given, GENRES_MAX))?,
            people: self.people.map_or(Ok(facts.people), |given| names("facts.people", given, PEOPLE_MAX))?,
            year: self.year.unwrap_or(facts.year),
            language: self.language.unwrap_or(facts.language),
            maturity_age: self.maturity_age.unwrap_or(facts.maturity_age),
            territories: self.territories.unwrap_or(facts.territories),
            description: match self.description {
                Some(given) => given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
                None => facts.description,
            },
            available_from: self.available_from.unwrap_or(facts.available_from),
            available_until: self.available_until.unwrap_or(facts.available_until),
        };
        check(&edited).map_err(invalid)?;
        Ok(edited)
    }
}

/// Change a video's title and facts
///
/// What is left out stays as it is.
#[utoipa::path(patch, path = "/v1/videos/{id}", tag = "videos", request_body = VideoEdit,
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, body = VideoView), (status = "default", body = problem::Body)))]
async fn edit(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<VideoId>,
    Json(VideoEdit { title, facts }): Json<VideoEdit>,
) -> Answer<Json<VideoView>> {
    let video = ops::find_to_edit(&app, &caller, id).await?;
    let title = title.as_deref().map(|title| check_name(title, TITLE_LENGTH_MAX)).transpose()?;
    app.deps.db.edit_video(video.id, title, |known| facts.apply(known)).await?;
    tracing::info!(video.id = %id, by = %caller.user, "video edited");
    let video = app.deps.db.video(id).await?;
    Ok(Json(ops::details(&app, &caller, video).await?.into()))
}

/// Names without space around them, each once; or why `field` cannot be these.
pub(crate) fn check_names(field: &str, names: Vec<String>, count_max: usize) -> Result<Vec<String>, String> {
    let mut kept: Vec<String> = Vec::new();
    if names.len() > count_max {
        return Err(format!("{field}: name at most {count_max}"));
    }
    for name in names {
        let name = check_name(&name, NAME_LENGTH_MAX).map_err(|error| format!("{field}: {}", error.message()))?;
        if !kept.iter().any(|earlier| earlier == name) {
            kept.push(name.to_owned());
        }
    }
    Ok(kept)
}

/// Why `field` cannot be the age `years`, if it cannot.
pub(crate) fn check_age(field: &str, years: Option<i16>) -> Result<(), String> {
    match years {
        Some(years) if !(0..=MATURITY_AGE_MAX).contains(&years) => Err(format!("{field}: an age is 0 to {MATURITY_AGE_MAX}")),
        _ => Ok(()),
    }
}

/// Why `facts` cannot be, if they cannot. Names are checked elsewhere.
fn check(facts: &Facts) -> Result<(), String> {
    check_age("facts.maturity_age", facts.maturity_age)?;
    if facts.year.is_some_and(|year| !YEARS.contains(&year)) {
        return Err(format!("facts.year: a year is {} to {}", YEARS.start(), YEARS.end()));
    }
    if facts.language.as_deref().is_some_and(|language| !is_language(language)) {
        return Err("facts.language: give a BCP 47 tag such as `en` or `pt-BR`".to_owned());
    }
    let is_territory = |code: &String| code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
    if let Some(territories) = &facts.territories
        && (!(1..=TERRITORIES_MAX).contains(&territories.len()) || !territories.iter().all(is_territory))
    {
        return Err(
            "facts.territories: give ISO 3166-1 codes of two capital letters such as `DE`, or null for everywhere".to_owned()
        );
    }
    if let Some(text) = &facts.description
        && (text.chars().count() > DESCRIPTION_LENGTH_MAX || text.contains('\0'))
    {
        return Err(format!(
            "facts.description: a description has at most {DESCRIPTION_LENGTH_MAX} characters, none of them NUL"
        ));
    }
    match (facts.available_from, facts.available_until) {
        (Some(from), Some(until)) if until <= from => {
            Err("facts.available_until: it must be later than facts.available_from".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether a tag is well-formed as far as its parts go; whether there is such a language nobody looks up.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    tag.len() <= LANGUAGE_LENGTH_MAX
        && (2..=8).contains(&first.len())
        && first.bytes().all(|letter| letter.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_out_stays_and_null_takes_away() {
        let known = Facts { genres: vec!["Drama".into()], year: Some(1931), maturity_age: Some(12), ..Facts::default() };
        let edited = |edit| serde_json::from_value::<FactsEdit>(edit).expect("an edit").apply(known.clone()).expect("facts");
        assert_eq!(edited(json!({})), known);
        let changed = edited(json!({ "genres": [" Crime ", "Noir", "Crime"], "year": null }));
        assert_eq!(changed, Facts { genres: vec!["Crime".into(), "Noir".into()], year: None, ..known.clone() });
        assert_eq!(edited(json!({ "genres": null, "description": " " })), Facts { genres: Vec::new(), ..known.clone() });
    }

    #[test]
    fn languages_are_tags() {
        for good in ["en", "pt-BR", "zh-Hant-TW", "de-1996"] {
            assert!(is_language(good), "{good}");
        }
        for bad in ["", "e", "english language", "en_US", "en-", "-en", "12", &"en-abcdefgh".repeat(4)] {
            assert!(!is_language(bad), "{bad:?}");
        }
    }
}
