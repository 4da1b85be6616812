//! Agreement with implementations that others wrote, where both define the same: a mistake that encoder and decoder
//! share passes every round trip, but not these.

use bytes::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::length_delimited::Builder;
use tokio_util::codec::{AnyDelimiterCodec, Decoder, LengthDelimitedCodec, LinesCodec};

use super::{Deframer, Framing, Malformed};

/// The frames of a stream until it is refused, and whether it is.
type Account = (Vec<Vec<u8>>, bool);

fn ours(text: &str, stream: &[u8]) -> Account {
    let framing: Framing = text.parse().expect("a framing");
    let mut deframer = Deframer::new(&framing);
    deframer.push(stream);
    let mut frames = Vec::new();
    let refused: Option<Malformed> = loop {
        match deframer.next_frame() {
            Some(Ok(frame)) => frames.push(frame.payload),
            Some(Err(malformed)) => break Some(malformed),
            None => break None,
        }
    };
    (frames, refused.is_some())
}

fn theirs<D: Decoder>(mut decoder: D, stream: &[u8]) -> Account
where
    D::Item: Into<Vec<u8>>,
{
    let mut buffer = BytesMut::from(stream);
    let mut frames = Vec::new();
    loop {
        match decoder.decode(&mut buffer) {
            Ok(Some(frame)) => frames.push(frame.into()),
            Ok(None) => return (frames, false),
            Err(_) => return (frames, true),
        }
    }
}

fn counted(build: impl FnOnce(&mut Builder) -> &mut Builder) -> LengthDelimitedCodec {
    build(LengthDelimitedCodec::builder().max_frame_length(6)).new_codec()
}

/// Length fields with small values are likely, and so are whole frames.
fn counted_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![6 => 0_u8..8, 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..40)
}

fn text_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(&b"\n"[..]),
        Just(&b"\r"[..]),
        Just(&b"\r\n"[..]),
        Just(&b","[..]),
        Just(&b"a"[..]),
        Just("é".as_bytes()),
        Just(&b"\xff"[..]),
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn plain_length_fields_agree_with_tokio_util(stream in counted_bytes()) {
        let widths = [("u8", 1, "u8"), ("u16be", 2, "u16le"), ("u24be", 3, "u24le"), ("u32be", 4, "u32le"), ("u64be", 8, "u64le")];
        for (big, width, little) in widths {
            let codec = counted(|build| build.length_field_length(width).big_endian());
            prop_assert_eq!(ours(&format!("length:{big},max=6"), &stream), theirs(codec, &stream));
            let codec = counted(|build| build.length_field_length(width).little_endian());
            prop_assert_eq!(ours(&format!("length:{little},max=6"), &stream), theirs(codec, &stream));
        }
    }

    #[test]
    fn header_bytes_around_the_field_agree_with_tokio_util(mut stream in counted_bytes()) {
        let codec = counted(|build| build.length_field_type::<u16>().length_field_offset(1).num_skip(5));
        // tokio-util judges the field only when the whole header is there, so the stream must not end inside one.
        stream.extend([0; 5]);
        prop_assert_eq!(ours("length:u16be,off=1,skip=2,max=6", &stream), theirs(codec, &stream));
    }

    #[test]
    fn adjusted_lengths_agree_with_tokio_util(stream in counted_bytes()) {
        // The limits differ because tokio-util holds the value against it before the adjustment.
        let codec = counted(|build| build.length_field_type::<u16>().length_adjustment(2));
        prop_assert_eq!(ours("length:u16be,adj=2,max=8", &stream), theirs(codec, &stream));
        let codec = counted(|build| build.length_field_type::<u16>().length_adjustment(-2));
        prop_assert_eq!(ours("length:u16be,incl=field,max=4", &stream), theirs(codec, &stream));
    }

    #[test]
    fn lines_agree_with_tokio_util(stream in text_bytes()) {
        prop_assert_eq!(ours("lines,enc=utf8", &stream), theirs(LinesCodec::new(), &stream));
    }

    #[test]
    fn single_byte_delimiters_agree_with_tokio_util(stream in text_bytes()) {
        let codec = AnyDelimiterCodec::new(b",\n".to_vec(), b",".to_vec());
        prop_assert_eq!(ours("delimiter:\",\"/lf", &stream), theirs(codec, &stream));
    }

    #[test]
    fn the_limit_of_single_byte_delimiters_agrees_with_tokio_util(stream in text_bytes()) {
        let codec = AnyDelimiterCodec::new_with_max_length(b",\n".to_vec(), b",".to_vec(), 3);
        prop_assert_eq!(ours("delimiter:\",\"/lf,max=3", &stream), theirs(codec, &stream));
    }
}
