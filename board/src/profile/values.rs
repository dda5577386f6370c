//! Values of a profile that can be written in two ways.

use std::fmt;

use heapless::String;
use serde::Deserialize;

use super::LineId;

/// Code of a key.
pub(super) struct Key(pub(super) u16);

/// Keys by name; the codes are those of linux/input-event-codes.h.
const KEYS: [(&str, u16); 2] = [("power", 116), ("restart", 0x198)];

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"restart\", \"power\", or a key's code (1 to 0x2ff)")
            }

            fn visit_i64<E: serde::de::Error>(self, code: i64) -> Result<Key, E> {
                match u16::try_from(code) {
                    Ok(code) if (1..=0x2ff).contains(&code) => Ok(Key(code)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Signed(code), &self)),
                }
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
                match KEYS.iter().find(|(known, _)| *known == name) {
                    Some((_, code)) => Ok(Key(*code)),
                    None => Err(E::invalid_value(serde::de::Unexpected::Str(name), &self)),
                }
            }
        }
        from.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for LineId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = LineId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the line's number (0 to 511) or its name in quotes")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<LineId, E> {
                match u16::try_from(number) {
                    Ok(number) if number <= 511 => Ok(LineId::Number(number)),
                    _ => Err(E::invalid_value(
                        serde::de::Unexpected::Signed(number),
                        &self,
                    )),
                }
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<LineId, E> {
                match String::try_from(name) {
                    Ok(text) if !name.is_empty() => Ok(LineId::Name(text)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(name), &self)),
                }
            }
        }
        from.deserialize_any(Visitor)
    }
}
