//! Judges what was encoded beside the film it was made of, by libvmaf.

use libvmaf_sys as sys;
use std::{ffi::c_int, path::Path, process::Command, ptr};

/// Pictures between two that are judged; of each its neighbours are looked at too.
const EVERY: u32 = 20;
/// Seconds from the beginning that are judged.
const SECONDS: &str = "16";
/// libvmaf judges the picture whose number can be divided by three; its neighbours tell of movement.
const GROUP: usize = 3;

/// Mean VMAF (model v0.6.1) of the stream at `playlist`, scaled up to the size of `film`, against the film.
pub(crate) fn of(playlist: &Path, film: &Path, folder: &Path) -> f64 {
    let (width, height) = size(film);
    let [original, shown] = [film, playlist].map(|from| pictures(from, width, height, &folder.join("pictures.yuv")));
    let size = width * height * 3 / 2;
    let count = (original.len() / size).min(shown.len() / size) / GROUP;
    assert!(count > 0, "{} holds no pictures", playlist.display());
    mean(&original, &shown, count, width, height)
}

/// Pictures of `film` in groups of three, as planar 8-bit pictures of that size.
fn pictures(film: &Path, width: usize, height: usize, to: &Path) -> Vec<u8> {
    let filter = format!("select='lte(mod(n,{EVERY}),2)',scale={width}:{height}:flags=bicubic,format=yuv420p");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]);
    if film.extension().is_some_and(|extension| extension == "m3u8") {
        command.args(["-allowed_extensions", "ALL"]);
    }
    let status = command
        .args(["-t", SECONDS, "-i"])
        .arg(film)
        .args(["-map", "0:v:0", "-vf", &filter, "-fps_mode", "passthrough", "-f", "rawvideo"])
        .arg(to)
        .status();
    assert!(status.expect("ffmpeg is installed").success(), "{} can be decoded", film.display());
    std::fs::read(to).expect("pictures")
}

fn size(film: &Path) -> (usize, usize) {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0"])
        .arg(film)
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.trim().split(',').filter_map(|number| number.parse().ok());
    (numbers.next().expect("a width"), numbers.next().expect("a height"))
}

/// Mean VMAF of the pictures in the middle of `count` groups.
#[expect(unsafe_code, reason = "libvmaf is a C library")]
fn mean(original: &[u8], shown: &[u8], count: usize, width: usize, height: usize) -> f64 {
    let (mut context, mut model) = (ptr::null_mut(), ptr::null_mut());
    let log_level = sys::VmafLogLevel::VMAF_LOG_LEVEL_NONE;
    let config = sys::VmafConfiguration { log_level, n_threads: 0, n_subsample: GROUP as u32, cpumask: 0 };
    let mut named = sys::VmafModelConfig { name: ptr::null(), flags: 0 };
    let size = width * height * 3 / 2;
    let mut sum = 0.0;
    // SAFETY: all pointers are to what is alive; libvmaf takes pictures over, and the rest is given back at the end.
    unsafe {
        done(sys::vmaf_init(&raw mut context, config));
        done(sys::vmaf_model_load(&raw mut model, &raw mut named, c"vmaf_v0.6.1".as_ptr()));
        done(sys::vmaf_use_features_from_model(context, model));
        for place in 0..count * GROUP {
            let mut pair = [original, shown].map(|all| luma(&all[place * size..], width, height));
            let [original, shown] = &mut pair;
            // The first number is that of the picture before one that is judged.
            done(sys::vmaf_read_pictures(context, &raw mut *original, &raw mut *shown, (place + GROUP - 1) as u32));
        }
        done(sys::vmaf_read_pictures(context, ptr::null_mut(), ptr::null_mut(), 0));
        for group in 1..=count {
            let mut score = 0.0;
            done(sys::vmaf_score_at_index(context, model, &raw mut score, (group * GROUP) as u32));
            sum += score;
        }
        sys::vmaf_close(context);
        sys::vmaf_model_destroy(model);
    }
    sum / count as f64
}

#[expect(unsafe_code, reason = "libvmaf is a C library")]
fn luma(pixels: &[u8], width: usize, height: usize) -> sys::VmafPicture {
    // SAFETY: libvmaf allocates at least `height` rows of `stride` bytes, no fewer than `width`.
    unsafe {
        let mut picture: sys::VmafPicture = std::mem::zeroed();
        let kind = sys::VmafPixelFormat::VMAF_PIX_FMT_YUV400P;
        done(sys::vmaf_picture_alloc(&raw mut picture, kind, 8, width as u32, height as u32));
        for (row, pixels) in pixels.chunks(width).take(height).enumerate() {
            let to = picture.data[0].cast::<u8>().offset(picture.stride[0] * row as isize);
            ptr::copy_nonoverlapping(pixels.as_ptr(), to, width);
        }
        picture
    }
}

fn done(answer: c_int) {
    assert_eq!(answer, 0, "libvmaf");
}
