//! Files of models, whole and damaged, and the repository on a real database.

use super::*;
use crate::{
    data::generated::World,
    fresh::{Delta, Solved},
    model::{Catalog, History, Material, Ranker, Scratch, Terms, Wanted, Watched, sequence::Shape},
};
use bytes::Bytes;
use marquee_backends::{blobs::FileBlobs, testing};
use marquee_core::{OsRandom, SystemClock, id::VideoId};
use time::macros::datetime;
use uuid::Uuid;

fn packed() -> Packed {
    let watches = World { profiles: 80, ..World::small(1) }.watches();
    let mut choices = Choices::default();
    choices.knobs.factors.size = 8;
    choices.knobs.spectral.size = 8;
    choices.knobs.sequence.shape = Shape { size: 8, heads: 2, layers: 1, length: 10 };
    choices.knobs.sequence.passes = 1;
    let terms = Terms::train(&Material { watches: &watches, features: &[], now: 100 }, &choices.knobs);
    let card = Card {
        id: ModelId::new(&SystemClock, &OsRandom),
        trained_at: "2026-03-01T00:00:00Z".to_owned(),
        profiles: watches.profiles(),
        titles: watches.titles(),
        watches: watches.len(),
        choices: choices.clone(),
        metrics: BTreeMap::new(),
        verdict: String::new(),
    };
    let catalog = Catalog::new((0..watches.titles() as u128).map(|title| VideoId(Uuid::from_u128(title))));
    Packed { card, catalog, ranker: Ranker { terms, blend: choices.blend, dial: 0.0 } }
}

fn file(packed: &Packed) -> Vec<u8> {
    let mut file = Vec::new();
    write(packed, &mut file).expect("written");
    file
}

fn code(file: &[u8]) -> &'static str {
    read(&Bytes::copy_from_slice(file)).expect_err("refused").code()
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let packed = packed();
    let mut draft = Draft::new().expect("a file");
    write(&packed, draft.writer()).expect("written");
    let mapped = draft.mapped().expect("mapped");
    assert_eq!(mapped, file(&packed));
    let again = read(&mapped).expect("read");
    assert_eq!(again.card, packed.card);
    assert_eq!(again.catalog.titles(), packed.catalog.titles());
    assert_eq!(again.ranker, packed.ranker);
    let history = History::new([Watched { title: 3, weight: 1.0 }]);
    let best = |packed: &Packed| packed.ranker.best(&history, Wanted::any(30), &mut Scratch::default());
    assert_eq!(best(&again), best(&packed));
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_damaged() {
    let file = file(&packed());
    for place in (0..file.len()).step_by(file.len() / 50 + 1).chain([8, 12, file.len() - 1]) {
        let mut other = file.clone();
        other[place] ^= 0x40;
        assert!(["damaged_model", "other_model"].contains(&code(&other)), "{place}");
    }
    for length in [0, 7, 15, 16, 40, file.len() / 2, file.len() - 1] {
        assert_eq!(code(&file[..length]), "damaged_model", "{length}");
    }
    assert_eq!(code(&[file.as_slice(), b"more"].concat()), "damaged_model");
    let mut newer = file.clone();
    newer[8] += 1;
    assert_eq!(code(&newer), "other_model");
}

fn delta(model: ModelId) -> PackedDelta {
    let catalog = Catalog::new((0..5).map(|title| VideoId(Uuid::from_u128(title))));
    let solved = |column, watches| Solved { column, watches };
    let columns = BTreeMap::from([
        (1, solved(vec![(0, 0.5), (4, -0.25)], 7.0)),
        (2, solved(vec![], 1.0)),
        (4, solved(vec![(3, 1.0)], 2.0)),
    ]);
    let delta = Delta { catalog, counts: (0..5).map(|title| [title as f32, 2.0, 3.0]).collect(), columns };
    PackedDelta { model, known_at: datetime!(2026-03-01 00:00:07.5 UTC), delta }
}

#[test]
fn a_delta_is_read_as_it_was_written_and_refused_if_it_was_not() {
    let packed = delta(ModelId::new(&SystemClock, &OsRandom));
    let mut file = Vec::new();
    write_delta(&packed, &mut file).expect("written");
    let again = read_delta(&Bytes::from(file.clone())).expect("read");
    assert_eq!((again.model, again.known_at), (packed.model, packed.known_at));
    assert_eq!((again.delta.catalog.titles(), &again.delta.counts), (packed.delta.catalog.titles(), &packed.delta.counts));
    assert_eq!(again.delta.columns, packed.delta.columns);
    let refused = |file: &[u8]| read_delta(&Bytes::copy_from_slice(file)).expect_err("refused").code();
    for place in (0..file.len()).step_by(5) {
        let mut other = file.clone();
        other[place] ^= 0x40;
        assert!(["damaged_model", "other_model"].contains(&refused(&other)), "{place}");
    }
    assert!((0..file.len()).step_by(7).all(|length| refused(&file[..length]) == "damaged_model"));
    assert_eq!((refused(&self::file(&self::packed())), code(&file)), ("damaged_model", "damaged_model"), "one is not the other");
    // Whole, and yet none: a column of a title that is not there, and more or fewer counts than titles.
    type Break = fn(&mut Delta);
    let breaks: [Break; 3] = [
        |delta| drop(delta.columns.insert(7, Solved::default())),
        |delta| delta.counts.truncate(4),
        |delta| delta.counts.extend([[0.0; 3]; 3]),
    ];
    for broken in breaks {
        let mut packed = packed.clone();
        broken(&mut packed.delta);
        let mut file = Vec::new();
        write_delta(&packed, &mut file).expect("written");
        assert_eq!(refused(&file), "damaged_model");
    }
}

#[tokio::test]
async fn deltas_are_those_of_the_deployed_model_and_go_with_it() {
    let (db, _database) = testing::database().await;
    let folder = tempfile::tempdir().expect("a folder");
    let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(folder.path()).await.expect("opened"));
    let repository = Repository::new(db, blobs.clone());
    let mut models = Vec::new();
    for number in 0..4 {
        let packed = packed();
        let model = packed.card.id;
        models.push(model);
        repository.add(packed, &[number], true).await.expect("stored");
        assert_eq!(repository.newest_delta(model).await.expect("asked"), None);
        for _ in 0..5 {
            let id = DeltaId::new(&SystemClock, &OsRandom);
            repository.add_delta(id, delta(model)).await.expect("stored");
            assert_eq!(repository.newest_delta(model).await.expect("asked"), Some(id));
        }
        let files = blobs.list("deltas/", None, 100).await.expect("listed");
        assert_eq!(files.len(), 3, "those of the one before are gone");
    }
    let newest = repository.newest_delta(models[3]).await.expect("asked").expect("one");
    assert_eq!(repository.load_delta(models[3], newest).await.expect("loaded").model, models[3]);
    assert_eq!(repository.load_delta(models[2], newest).await.expect_err("not its own").kind(), ErrorKind::NotFound);
    let mut file = Vec::new();
    write_delta(&delta(models[2]), &mut file).expect("written");
    let foreign = DeltaId::new(&SystemClock, &OsRandom);
    blobs.create(&Key::delta(models[3], foreign), file.into()).await.expect("stored");
    assert_eq!(repository.load_delta(models[3], foreign).await.expect_err("of another model").code(), "damaged_model");
    let gone = repository.add_delta(DeltaId::new(&SystemClock, &OsRandom), delta(models[0])).await;
    assert!(gone.is_err(), "its model is gone, and nobody would remove it");
    assert_eq!(blobs.list("deltas/", None, 100).await.expect("listed").len(), 4);
}

#[tokio::test]
async fn three_are_kept_and_one_can_go_back() {
    let (db, _database) = testing::database().await;
    let folder = tempfile::tempdir().expect("a folder");
    let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(folder.path()).await.expect("opened"));
    let repository = Repository::new(db, blobs.clone());
    assert!(repository.deployed().await.expect("asked").is_none());
    assert_eq!(repository.roll_back().await.expect_err("nothing to go back to").code(), "no_model_before");
    let mut ids = Vec::new();
    for number in 0..5 {
        let packed = packed();
        ids.push(packed.card.id);
        // The last one is not good enough.
        repository.add(packed, &[number], number < 4).await.expect("stored");
    }
    let deployed = || async { repository.deployed().await.expect("asked").map(|row| row.id) };
    assert_eq!(deployed().await, Some(ids[3]));
    let there: Vec<ModelId> = repository.newest(10).await.expect("listed").iter().map(|row| row.id).collect();
    assert_eq!(there, [ids[4], ids[3], ids[2], ids[1]], "three that answered, and the newest");
    let files = blobs.list("models/", None, 10).await.expect("listed");
    assert_eq!(files.len(), 4);
    assert_eq!(repository.roll_back().await.expect("back"), ids[2]);
    assert_eq!(deployed().await, Some(ids[2]));
    assert_eq!(repository.load(ids[2]).await.expect("loaded").card.id, ids[2]);
    assert_eq!(repository.load(ids[0]).await.expect_err("gone").kind(), ErrorKind::NotFound);
}
