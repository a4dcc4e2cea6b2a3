//! Keys through the database.

use super::*;
use crate::{
    db::encodes::tests::new_encode,
    testing::{database, protect, uploaded},
};
use marquee_core::{OsRandom, job::LEASE, protection::Scheme};

fn server(master: Option<u8>) -> KeyServer {
    let master_key = master.map(|byte| hex::encode([byte; 32]));
    KeyServer::new(&Protection { master_key, ..Protection::default() }, Arc::new(OsRandom)).unwrap()
}

#[tokio::test]
async fn keys_live_as_long_as_their_encode_and_open_with_the_master_key_alone() {
    let (db, _database) = database().await;
    let made = uploaded(&db, &[0]).await;
    let choice = Choice { scheme: Scheme::Cenc, ..Choice::default() };
    protect(&db, made.video, choice).await;
    let claim = db.claim_job(made.inspect, "worker", LEASE).await.expect("claim").expect("free");
    let begun = db.begin_inspect(&claim, made.upload).await.expect("begin");
    assert_eq!(begun.protection, Some(choice));
    let (mut encode, jobs) = new_encode(made.video, made.upload).await;
    let (protected, keys) = server(Some(1)).generate(encode.id, choice, "../keys/");
    let sealed = server(Some(1)).seal(encode.id, &keys).expect("sealed");
    (encode.plan.protected, encode.keys) = (Some(protected.clone()), sealed.clone());
    assert!(db.finish_inspect(&claim, &encode, &jobs).await.expect("finish"));

    let stored = db.encode(encode.id).await.expect("encode");
    assert_eq!(stored.plan.protected.as_ref(), Some(&protected));
    let keys = server(Some(1)).open(&db, encode.id, &protected).await.expect("opened");
    let named: Vec<_> = protected.names.iter().map(|name| (name.of, name.id, name.iv)).collect();
    assert_eq!(keys.0.iter().map(|(of, key)| (*of, key.id, key.iv)).collect::<Vec<_>>(), named);
    assert_eq!(server(Some(2)).open(&db, encode.id, &protected).await.expect_err("another").code(), "no_master_key");

    sqlx::query("delete from content_keys where id = $1").bind(named[0].1).execute(db.pool()).await.expect("one is lost");
    assert!(server(Some(1)).open(&db, encode.id, &protected).await.is_err(), "a title is never half in the clear");
    sqlx::query("delete from videos").execute(db.pool()).await.expect("deleted");
    assert_eq!(db.sealed_keys(encode.id).await.expect("read"), []);
}

#[test]
fn a_server_of_others_is_asked_for_the_same_keys_again() {
    let config = Protection { key_server_url: "https://keys.example/".parse().ok(), ..Protection::default() };
    let server = KeyServer::new(&config, Arc::new(OsRandom)).unwrap();
    let asked = |encode: u128| server.generate(EncodeId(Uuid::from_u128(encode)), Choice::default(), "").0.names;
    assert_eq!(asked(1), asked(1));
    let ids: std::collections::HashSet<_> = asked(1).into_iter().chain(asked(2)).map(|name| (name.id, name.iv)).collect();
    assert_eq!(ids.len(), 8, "and each encode for others");
}

#[test]
fn nothing_is_protected_without_a_master_key() {
    let none = server(None);
    assert_eq!(none.check().unwrap_err().code(), "no_master_key");
    let (_, keys) = none.generate(EncodeId(Uuid::from_u128(1)), Choice::default(), "");
    let error = none.seal(EncodeId(Uuid::from_u128(1)), &keys).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "no_master_key"));
    assert!(server(Some(1)).check().is_ok());
}
