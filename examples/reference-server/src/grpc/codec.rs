//! Messages that are read by their description.

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Reads messages of one kind, and writes any.
#[derive(Debug, Clone)]
pub struct Dynamic {
    read: MessageDescriptor,
}

impl Dynamic {
    /// Reads messages of this kind.
    pub fn new(read: MessageDescriptor) -> Self {
        Self { read }
    }
}

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Writes;
    type Decoder = Self;

    fn encoder(&mut self) -> Writes {
        Writes
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.read.clone(), bytes);
        message.map(Some).map_err(|error| Status::invalid_argument(error.to_string()))
    }
}

/// Writes messages.
#[derive(Debug)]
pub struct Writes;

impl Encoder for Writes {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(into).map_err(|error| Status::internal(error.to_string()))
    }
}
