//! What licence requests of players and answers of key servers say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marquee_core::{
    SeededRandom,
    protection::{ContentKeys, KeyPolicy, Scheme, System},
};
use marquee_packager::protect::{clear_key::LicenceRequest, cpix, pssh, signal};

fuzz_target!(|bytes: &[u8]| {
    let _ = LicenceRequest::parse(bytes);
    let _ = pssh::parse(bytes);
    let asked = ContentKeys::generate(KeyPolicy::PerTitle, &SeededRandom::new(1));
    let licence_url = None;
    let systems = [
        System::Widevine { licence_url: licence_url.clone() },
        System::PlayReady { licence_url },
        System::FairPlay { key_uri: "skd://".to_owned() },
    ];
    if let Ok((names, keys)) = cpix::answer(bytes, Scheme::Cbcs, &asked, &systems) {
        assert_eq!((names.len(), keys.0.len()), (asked.0.len(), asked.0.len()));
        for system in &systems {
            let _ = signal::signal(system, Scheme::Cbcs, &names[0]);
        }
    }
});
