//! Pictures as JPEG files.

use super::Stop;
use bytes::Bytes;
use ffmpeg_next::{
    self as ffmpeg, Packet, Rational, codec, color, encoder, ffi,
    format::Pixel,
    frame,
    software::scaling::{self, Flags},
};

/// How coarse a JPEG may be, from 2, the best there is, to 31 (libavcodec's scale).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coarseness(pub(super) u8);

/// Encodes a picture that looks as all renditions do (8 bits, planar, BT.709, limited range). The file says nothing of colour, so it
/// has that of every JPEG: BT.601 in full range (JFIF 1.02, "Color space").
pub(super) fn encode(picture: &frame::Video, coarseness: Coarseness) -> Result<Bytes, Stop> {
    let fault = || Stop::fault("make a JPEG");
    let codec = encoder::find(codec::Id::MJPEG).ok_or_else(|| Stop::Fault("libavcodec lacks mjpeg".into()))?;
    let mut context = codec::Context::new_with_codec(codec);
    // The second keeps the library's version out of the file: the same picture is the same bytes.
    context.set_flags(codec::Flags::QSCALE | codec::Flags::BITEXACT);
    let mut encoder = context.encoder().video().map_err(fault())?;
    encoder.set_width(picture.width());
    encoder.set_height(picture.height());
    encoder.set_format(Pixel::YUVJ420P);
    encoder.set_color_range(color::Range::JPEG);
    encoder.set_time_base(Rational::new(1, 1));
    let mut encoder = encoder.open_as(codec).map_err(fault())?;
    let recoloured = recoloured(picture, coarseness)?;
    encoder.send_frame(&recoloured).map_err(fault())?;
    encoder.send_eof().map_err(fault())?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).map_err(fault())?;
    let bytes = packet.data().map(Bytes::copy_from_slice);
    bytes.ok_or_else(|| Stop::Fault("a JPEG without bytes".into()))
}

/// The same picture in the colours of JPEG.
fn recoloured(picture: &frame::Video, coarseness: Coarseness) -> Result<frame::Video, Stop> {
    let fault = || Stop::fault("recolour a picture");
    let (width, height) = (picture.width(), picture.height());
    let flags = Flags::BICUBIC | Flags::ACCURATE_RND | Flags::BITEXACT;
    let mut scaler = scaling::Context::get(picture.format(), width, height, Pixel::YUVJ420P, width, height, flags);
    let scaler = scaler.as_mut().map_err(|error| fault()(*error))?;
    // SAFETY: the scaler is alive, and libswscale copies the tables, which are its own.
    #[expect(unsafe_code, reason = "ffmpeg-next has no form of this function")]
    let set = unsafe {
        let (from, to) = (ffi::sws_getCoefficients(ffi::SWS_CS_ITU709), ffi::sws_getCoefficients(ffi::SWS_CS_ITU601));
        ffi::sws_setColorspaceDetails(scaler.as_mut_ptr(), from, 0, to, 1, 0, 1 << 16, 1 << 16)
    };
    if set < 0 {
        return Err(fault()(ffmpeg::Error::from(set)));
    }
    let mut recoloured = frame::Video::empty();
    scaler.run(picture, &mut recoloured).map_err(fault())?;
    recoloured.set_pts(Some(0));
    // SAFETY: the frame is ours.
    #[expect(unsafe_code, reason = "ffmpeg-next has no setter for this field")]
    unsafe {
        (*recoloured.as_mut_ptr()).quality = i32::from(coarseness.0) * ffi::FF_QP2LAMBDA;
    }
    Ok(recoloured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_one_file_and_the_same_each_time() {
        let mut picture = frame::Video::new(Pixel::YUV420P, 64, 48);
        for plane in 0..3 {
            for (place, pixel) in picture.data_mut(plane).iter_mut().enumerate() {
                *pixel = 16 + (place * 7 % 200) as u8;
            }
        }
        let made = encode(&picture, Coarseness(4)).unwrap();
        assert!(made.starts_with(&[0xff, 0xd8, 0xff]) && made.ends_with(&[0xff, 0xd9]), "{made:?}");
        assert_eq!(encode(&picture, Coarseness(4)).unwrap(), made);
        assert!(encode(&picture, Coarseness(20)).unwrap().len() < made.len());
        assert!(!made.windows(4).any(|window| window == b"Lavc"));
    }
}
