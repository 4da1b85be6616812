#![doc = "echospec: does an implementation cut a TCP byte stream into messages rightly?"]
#![forbid(unsafe_code)]
#![forbid(unstable_features)]

pub mod framing;
