//! The picture is the same to the bit whatever machine encodes it. Sound is left out: libav decodes some of it in floating point,
//! which processors round differently.

use crate::{codecs, driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::plan::{Codec, Ladder, Plan, Rung};
use marquee_transcoder::child::Host;
use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path};

/// A program of this name is a child whose libav takes its processor for the plainest.
const PLAIN: &str = "plain-child";
/// A program of this name is a child that has one processor, whatever the machine has.
const ALONE: &str = "lonely-child";
/// Noise, so that every rounding shows.
const PICTURE: &str = "-f lavfi -i testsrc2=size=700x394:rate=25:duration=0.6,noise=alls=12:allf=t";

/// What the encoder of a codec is told beside its rung.
type Told = fn(Codec) -> &'static str;

pub(crate) fn trials() -> Vec<Trial> {
    let same = |name: &str, file: &'static str, arguments: String| {
        Trial::test(format!("bytes::are_the_same_of_{name}"), move || are_the_same(file, &arguments))
    };
    let hdr = "-color_trc smpte2084 -color_primaries bt2020 -colorspace bt2020nc -pix_fmt yuv420p10le -c:v libx264 -qp 10";
    vec![
        same("motion_jpeg", "a.avi", format!("{PICTURE} -pix_fmt yuvj420p -c:v mjpeg -q:v 3")),
        same("mpeg_4", "b.avi", format!("{PICTURE} -c:v mpeg4 -bf 2 -q:v 3")),
        same("hdr", "c.mkv", format!("{PICTURE} {hdr}")),
    ]
}

/// The same film in every codec: encoded again, by a child that has one processor, by one whose libav uses nothing special of it, and
/// by encoders that use less of it, or nothing.
fn are_the_same(file: &str, arguments: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let child = |name: &str| -> Result<Host, Failed> {
        let link = folder.path().join(name);
        symlink(std::env::current_exe()?, &link)?;
        Ok(Host::new(link))
    };
    let clip = folder.path().join(file);
    judge::make(&clip, arguments);
    let own = renditions(&driver::host(), &clip, |_| "")?;
    let encoders: [(&str, Told); 2] = [("without instructions of their own", no_simd), ("at SSE4", some_simd)];
    let mut others = vec![
        ("again", renditions(&driver::host(), &clip, |_| "")?),
        ("by one processor", renditions(&child(ALONE)?, &clip, |_| "")?),
        ("by a plain processor", renditions(&child(PLAIN)?, &clip, |_| "")?),
    ];
    for (how, options) in encoders {
        others.push((how, renditions(&driver::host(), &clip, options)?));
    }
    let codecs: Vec<&str> = own.keys().map(String::as_str).collect();
    if codecs.len() < 3 {
        return Err(format!("only {codecs:?}").into());
    }
    for (how, others) in others {
        if let Some((id, _)) = own.iter().find(|(id, bytes)| others.get(*id) != Some(*bytes)) {
            return Err(format!("{file}: {id} is not the same, encoded {how}").into());
        }
    }
    Ok(())
}

/// What an encoder is told to use no instructions that some processors lack.
fn no_simd(codec: Codec) -> &'static str {
    if codec == Codec::Av1 { "asm=c" } else { "asm=0" }
}

/// What it is told to use those that processors have had for long.
fn some_simd(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "asm=MMX2,SSE2,SSE3,SSSE3,SSE4.1",
        Codec::Hevc => "asm=SSE2,SSE3,SSSE3,SSE4.1",
        Codec::Av1 => "asm=sse4_1",
    }
}

/// The bytes of all renditions of picture that children of `host` make of `clip`, their encoders told by `options`.
fn renditions(host: &Host, clip: &Path, options: Told) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let folder = tempfile::tempdir()?;
    let source = driver::inspect(clip).map_err(codecs::failed)?;
    let mut plan = Plan::new(&source, &codecs::recipe(Ladder::Fixed));
    let told = |rung: &mut Rung| options(rung.codec).clone_into(&mut rung.options);
    plan.rungs.iter_mut().for_each(told);
    let title = driver::encode_plan(host, clip, folder.path(), source, plan).map_err(codecs::failed)?;
    let files = title.tracks.iter().map(|track| Ok((track.rendition.id.clone(), fs::read(title.rendition(track))?)));
    files.collect()
}

/// Makes this process forget what it could do, if the program goes by the name of a child that cannot.
pub(crate) fn become_less() {
    let name = std::env::args_os().next().unwrap_or_default();
    if Path::new(&name).ends_with(PLAIN) {
        // SAFETY: nothing else runs yet.
        #[expect(unsafe_code, reason = "ffmpeg-next has no form of this function")]
        unsafe {
            ffmpeg_next::ffi::av_force_cpu_flags(0);
        }
    }
    if Path::new(&name).ends_with(ALONE) {
        let mut one = nix::sched::CpuSet::new();
        let here = nix::sched::sched_getcpu().expect("this runs somewhere");
        one.set(here).expect("a processor of this machine");
        nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one).expect("fewer processors");
    }
}
