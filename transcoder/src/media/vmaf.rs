//! Judges pictures as people would: VMAF (model v0.6.1) by libvmaf.

use super::Stop;
use ffmpeg_next::frame;
use libvmaf_sys as sys;
use std::ptr;

/// The model for a large screen at three times its height, and how far apart libvmaf looks at pictures.
const MODEL: &std::ffi::CStr = c"vmaf_v0.6.1";
/// A judged picture has two neighbours, of which only the movement counts.
const GROUP: u32 = 3;
/// Sides of pictures that libvmaf can look at: of smaller ones it looks beyond their ends.
const SIDE_MIN: u32 = 64;

/// Judges pictures of one size, one after the other.
pub(super) struct Judge {
    context: *mut sys::VmafContext,
    model: *mut sys::VmafModel,
    /// Number that the next picture has for libvmaf.
    next: u32,
}

impl Judge {
    pub(super) fn new() -> Result<Self, Stop> {
        let config = sys::VmafConfiguration {
            log_level: sys::VmafLogLevel::VMAF_LOG_LEVEL_NONE,
            n_threads: 0,
            n_subsample: GROUP,
            cpumask: 0,
        };
        // Of three pictures in a row libvmaf judges that whose number can be divided by three. The first number is that of the
        // picture before one.
        let mut judge = Self { context: ptr::null_mut(), model: ptr::null_mut(), next: GROUP - 1 };
        let mut named = sys::VmafModelConfig { name: ptr::null(), flags: 0 };
        // SAFETY: each call gets pointers to what is ours and alive; what was made is given back when `judge` is dropped.
        #[expect(unsafe_code, reason = "libvmaf is a C library")]
        unsafe {
            done("begin", sys::vmaf_init(&raw mut judge.context, config))?;
            done("load its model", sys::vmaf_model_load(&raw mut judge.model, &raw mut named, MODEL.as_ptr()))?;
            done("use its model", sys::vmaf_use_features_from_model(judge.context, judge.model))?;
        }
        Ok(judge)
    }

    /// VMAF of `shown`, 0 to 100, where the source has `originals`: the same picture in the middle, and its neighbours, whose
    /// movement decides how much of a fault is seen. All are 8-bit planar pictures of one size.
    pub(super) fn score(&mut self, shown: &frame::Video, originals: [&frame::Video; 3]) -> Result<f64, Stop> {
        for (place, original) in originals.into_iter().enumerate() {
            let mut original = luma(Some(original), original)?;
            // Of the neighbours nothing but the original is looked at.
            let mut shown = luma((place == 1).then_some(shown), shown)?;
            // SAFETY: the pictures are ours; libvmaf takes them over, or fails, and then this process ends.
            #[expect(unsafe_code, reason = "libvmaf is a C library")]
            let taken = unsafe { sys::vmaf_read_pictures(self.context, &raw mut original, &raw mut shown, self.next) };
            done("read a picture", taken)?;
            self.next += 1;
        }
        let mut score = 0.0;
        // SAFETY: context and model are alive.
        #[expect(unsafe_code, reason = "libvmaf is a C library")]
        let judged = unsafe { sys::vmaf_score_at_index(self.context, self.model, &raw mut score, self.next - 2) };
        done("judge a picture", judged)?;
        Ok(score)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        // SAFETY: both are ours and used no more; either may be missing where making them failed.
        #[expect(unsafe_code, reason = "libvmaf is a C library")]
        unsafe {
            if !self.context.is_null() {
                sys::vmaf_close(self.context);
            }
            if !self.model.is_null() {
                sys::vmaf_model_destroy(self.model);
            }
        }
    }
}

/// The brightness of `picture`, or a picture as large as `like` that nobody looks at. What is smaller than libvmaf can look at goes on
/// beyond its edges as it ends there.
fn luma(picture: Option<&frame::Video>, like: &frame::Video) -> Result<sys::VmafPicture, Stop> {
    let (width, height) = (like.width().max(SIDE_MIN), like.height().max(SIDE_MIN));
    // SAFETY: libvmaf fills in what it allocates; all-zero is what it expects to find.
    #[expect(unsafe_code, reason = "libvmaf is a C library")]
    let copy = unsafe {
        let mut copy: sys::VmafPicture = std::mem::zeroed();
        let kind = sys::VmafPixelFormat::VMAF_PIX_FMT_YUV400P;
        done("allocate a picture", sys::vmaf_picture_alloc(&raw mut copy, kind, 8, width, height))?;
        copy
    };
    let Some(picture) = picture else { return Ok(copy) };
    let (width, height) = (width as usize, height as usize);
    let stride = usize::try_from(copy.stride[0]).unwrap_or(0);
    let rows: Vec<&[u8]> = picture.data(0).chunks(picture.stride(0)).take(picture.height() as usize).collect();
    let repeated = rows.iter().chain(rows.last().into_iter().cycle());
    for (number, pixels) in repeated.take(height).enumerate() {
        let pixels = &pixels[..pixels.len().min(picture.width() as usize)];
        let edge = pixels.last().copied().unwrap_or_default();
        // SAFETY: the new picture has `height` rows of `stride` bytes, and `width` is at most that.
        #[expect(unsafe_code, reason = "libvmaf is a C library")]
        let row = unsafe { std::slice::from_raw_parts_mut(copy.data[0].cast::<u8>().add(number * stride), width) };
        row[..pixels.len()].copy_from_slice(pixels);
        row[pixels.len()..].fill(edge);
    }
    Ok(copy)
}

fn done(what: &str, answer: std::ffi::c_int) -> Result<(), Stop> {
    if answer == 0 { Ok(()) } else { Err(Stop::Fault(format!("libvmaf could not {what}: {answer}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ffmpeg_next::format::Pixel;

    /// A pattern of many sizes, moved `shift` pixels to the right; `flat` takes detail away.
    fn picture(shift: usize, flat: u8) -> frame::Video {
        let mut picture = frame::Video::new(Pixel::YUV420P, 320, 180);
        let stride = picture.stride(0);
        for (row, pixels) in picture.data_mut(0).chunks_mut(stride).enumerate() {
            for (column, pixel) in pixels.iter_mut().take(320).enumerate() {
                let x = column + shift;
                let value = (x * x / 37 + row * row / 23 + x * row / 11) as u8;
                *pixel = 16 + (value / flat * flat) / 2;
            }
        }
        picture
    }

    #[test]
    fn the_same_picture_is_best_and_less_detail_is_worse() {
        let mut judge = Judge::new().unwrap();
        let originals = [picture(0, 1), picture(3, 1), picture(6, 1)];
        let scores: Vec<f64> = [1, 128, 255]
            .map(|flat| judge.score(&picture(3, flat), [&originals[0], &originals[1], &originals[2]]).unwrap())
            .into();
        assert!(scores[0] > 95.0, "{scores:?}");
        assert!(scores.windows(2).all(|pair| pair[0] > pair[1] + 1.0), "{scores:?}");
    }

    #[test]
    fn the_smallest_pictures_have_a_score() {
        for (width, height) in [(2, 2), (16, 16), (8, 400), (400, 8), (18, 16)] {
            let mut picture = frame::Video::new(Pixel::YUV420P, width, height);
            picture.data_mut(0).iter_mut().zip(0_u8..=255).for_each(|(pixel, value)| *pixel = value);
            let score = Judge::new().unwrap().score(&picture, [&picture, &picture, &picture]).unwrap();
            assert!(score > 90.0, "{width} x {height}: {score}");
        }
    }

    #[test]
    fn a_score_does_not_depend_on_what_was_judged_before() {
        let originals = [picture(0, 1), picture(5, 1), picture(10, 1)];
        let score = |judge: &mut Judge| judge.score(&picture(5, 32), [&originals[0], &originals[1], &originals[2]]).unwrap();
        let mut judge = Judge::new().unwrap();
        let first = score(&mut judge);
        let other = picture(90, 1);
        judge.score(&picture(90, 8), [&other, &other, &other]).unwrap();
        assert_eq!(score(&mut judge), first);
        assert_eq!(score(&mut Judge::new().unwrap()), first);
    }
}
