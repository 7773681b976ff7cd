//! RSA public keys, as they are handed around.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// `SEQUENCE { OID rsaEncryption, NULL }`.
const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// The DER of `RSAPublicKey` in a PEM text: of the form `PUBLIC KEY` (RFC 5280) or `RSA PUBLIC KEY` (RFC 8017).
pub fn rsa_public_key(text: &str) -> Option<Vec<u8>> {
    let (label, body) = unarmoured(text)?;
    match label {
        "RSA PUBLIC KEY" => Some(body),
        "PUBLIC KEY" => {
            let all = element(&body, 0x30)?;
            let bits = element(all.strip_prefix(RSA)?, 0x03)?;
            // No unused bits.
            bits.strip_prefix(&[0]).map(<[u8]>::to_vec)
        }
        _ => None,
    }
}

fn unarmoured(text: &str) -> Option<(&str, Vec<u8>)> {
    let rest = text.trim().strip_prefix("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, end) = rest.split_once("-----END ")?;
    end.strip_prefix(label)?.strip_prefix("-----")?;
    let body: String = body.split_whitespace().collect();
    Some((label, STANDARD.decode(body).ok()?))
}

/// What stands in the one DER element with this tag that the bytes are.
fn element(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => {
            let (high, low) = (usize::from(*rest.first()?), usize::from(*rest.get(1)?));
            (high << 8 | low, rest.get(2..)?)
        }
        _ => return None,
    };
    (rest.len() == length).then_some(rest)
}
