//! Names whose accents stand apart from their letters.
//!
//! Unicode can write many letters in two ways, and some systems write names in the other one: composed (NFC) and decomposed
//! (NFD). People cannot tell two such names apart, so only one of them is taken. The whole of Unicode's tables would be
//! larger than the rest of this room, so this looks for what a decomposed name always has: a letter, and right behind it a
//! mark with which there is a composed letter. A name in NFC never has that.

/// Whether a composed character would stand here, or one of the few that NFC always writes as others.
pub(super) fn is_apart(before: Option<char>, c: char) -> bool {
    if matches!(c, '\u{340}' | '\u{341}' | '\u{343}' | '\u{344}' | '\u{2126}' | '\u{212a}' | '\u{212b}')
        || ('\u{f900}'..='\u{fa0d}').contains(&c)
    {
        return true;
    }
    let Some(before) = before.filter(|_| c >= '\u{300}') else { return false };
    is_hangul(before.into(), c.into())
        || PAIRS.lines().any(|line| line.strip_prefix(c).is_some_and(|letters| letters.contains(before)))
}

/// A syllable in its parts (The Unicode Standard section 3.12).
fn is_hangul(before: u32, c: u32) -> bool {
    let first = (0x1100..=0x1112).contains(&before) && (0x1161..=0x1175).contains(&c);
    let is_open = (0xac00..=0xd7a3).contains(&before) && (before - 0xac00).is_multiple_of(28);
    first || is_open && (0x11a8..=0x11c2).contains(&c)
}

/// In each line a mark, and the letters with which it makes one. From Unicode's data: the primary composites of the basic
/// plane whose letters are not composed themselves.
const PAIRS: &str = "\
    \u{300}AEINOUWYaeinouwy¨ΑΕΗΙΟΥΩαεηιουωЕИеи᾿῾\n\
    \u{301}ACEGIKLMNOPRSUWYZacegiklmnoprsuwyz¨ÆØæøΑΕΗΙΟΥΩαεηιουωϒГКгк᾿῾\n\
    \u{302}ACEGHIJOSUWYZaceghijosuwyz\n\
    \u{303}AEINOUVYaeinouvy\n\
    \u{304}AEGIOUYaegiouyÆæΑΙΥαιυИУиу\n\
    \u{306}AEGIOUaegiouΑΙΥαιυАЕЖИУаежиу\n\
    \u{307}ABCDEFGHIMNOPRSTWXYZabcdefghmnoprstwxyzſ\n\
    \u{308}AEHIOUWXYaehiotuwxyΙΥιυϒІАЕЖЗИОУЧЫЭаежзиоучыэіӘәӨө\n\
    \u{309}AEIOUYaeiouy\n\
    \u{30a}AUauwy\n\
    \u{30b}OUouУу\n\
    \u{30c}ACDEGHIKLNORSTUZacdeghijklnorstuzƷʒ\n\
    \u{30f}AEIORUaeioruѴѵ\n\
    \u{311}AEIORUaeioru\n\
    \u{313}ΑΕΗΙΟΩαεηιορυω\n\
    \u{314}ΑΕΗΙΟΡΥΩαεηιορυω\n\
    \u{31b}OUou\n\
    \u{323}ABDEHIKLMNORSTUVWYZabdehiklmnorstuvwyz\n\
    \u{324}Uu\n\
    \u{325}Aa\n\
    \u{326}STst\n\
    \u{327}CDEGHKLNRSTcdeghklnrst\n\
    \u{328}AEIOUaeiou\n\
    \u{32d}DELNTUdelntu\n\
    \u{32e}Hh\n\
    \u{330}EIUeiu\n\
    \u{331}BDKLNRTZbdhklnrtz\n\
    \u{338}<=>←→↔⇐⇒⇔∃∈∋∣∥∼≃≅≈≍≡≤≥≲≳≶≷≺≻≼≽⊂⊃⊆⊇⊑⊒⊢⊨⊩⊫⊲⊳⊴⊵\n\
    \u{342}¨αηιυω᾿῾\n\
    \u{345}ΑΗΩαηω\n\
    \u{653}ا\n\
    \u{654}اويہےە\n\
    \u{655}ا\n\
    \u{93c}नरळ\n\
    \u{9be}\u{9c7}\n\
    \u{9d7}\u{9c7}\n\
    \u{b3e}\u{b47}\n\
    \u{b56}\u{b47}\n\
    \u{b57}\u{b47}\n\
    \u{bbe}\u{bc6}\u{bc7}\n\
    \u{bd7}ஒ\u{bc6}\n\
    \u{c56}\u{c46}\n\
    \u{cc2}\u{cc6}\n\
    \u{cd5}\u{cbf}\u{cc6}\n\
    \u{cd6}\u{cc6}\n\
    \u{d3e}\u{d46}\u{d47}\n\
    \u{d57}\u{d46}\n\
    \u{dca}\u{dd9}\n\
    \u{dcf}\u{dd9}\n\
    \u{ddf}\u{dd9}\n\
    \u{102e}ဥ\n\
    \u{1b35}ᬅᬇᬉᬋᬍᬑ\u{1b3a}\u{1b3c}\u{1b3e}\u{1b3f}\u{1b42}\n\
    \u{3099}うかきくけこさしすせそたちつてとはひふへほゝウカキクケコサシスセソタチツテトハヒフヘホワヰヱヲヽ\n\
    \u{309a}はひふへほハヒフヘホ\n\
";

#[cfg(test)]
mod tests {
    use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

    use super::*;

    fn has_apart(text: &str) -> bool {
        let mut before = None;
        text.chars().any(|c| is_apart(before.replace(c), c))
    }

    /// A library says what is composed and what is not.
    #[test]
    fn every_letter_is_found_when_it_is_decomposed_and_no_composed_one_is() {
        let (nfc, nfd) = (ComposingNormalizer::new_nfc(), DecomposingNormalizer::new_nfd());
        let mut letters = 0;
        for c in ('\u{a0}'..='\u{ffff}').filter(|c| nfc.is_normalized(&c.to_string())) {
            let (composed, apart) = (c.to_string(), nfd.normalize(&c.to_string()).into_owned());
            assert!(!has_apart(&composed), "{composed:?}");
            // What is decomposed in NFC as well has no twin.
            if apart != composed {
                assert!(has_apart(&apart), "{apart:?}");
                letters += 1;
            }
        }
        assert!(letters > 12_000, "{letters}");
    }

    #[test]
    fn what_is_found_is_never_composed() {
        let nfc = ComposingNormalizer::new_nfc();
        for line in PAIRS.lines() {
            let mut line = line.chars();
            let mark = line.next().unwrap();
            for letter in line {
                assert!(!nfc.is_normalized(&format!("{letter}{mark}")), "{letter} {mark:?}");
            }
        }
        for c in '\u{a0}'..='\u{ffff}' {
            assert!(!is_apart(None, c) || !nfc.is_normalized(&c.to_string()), "{c}");
        }
        // A mark without a composed letter, in scripts where names have such, is as it is.
        for name in ["\u{995}\u{9be}", "\u{1eb9}\u{301}", "\u{5d0}\u{5b7}", "x\u{305}", "\u{304b}\u{309a}"] {
            assert!(nfc.is_normalized(name) && !has_apart(name), "{name:?}");
        }
    }
}
