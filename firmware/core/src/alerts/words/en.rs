//! English.

use super::Said;

pub(super) const OTHER: Said = (
    "Something needs a look",
    "The box has noted something that this text does not know by name.",
    "Open the box's page, or run `trunkguard alerts`.",
);

pub(super) fn of(kind: &str) -> Option<Said> {
    calls(kind).or_else(|| the_box(kind))
}

fn calls(kind: &str) -> Option<Said> {
    Some(match kind {
        super::EMERGENCY_CALL => (
            "An emergency call was made",
            "Somebody called an emergency number, and the call went out.",
            "See who called and what is wrong, let the helpers in, and lead them there. If it was a mistake, tell the emergency \
             service so: a call that is hung up on may be answered with a patrol.",
        ),
        "country" => (
            "Calls to a country that is not allowed",
            "An extension called a country that the policy does not allow.",
            "If the office did not make these calls, change the extension's password and look for a strange phone; if it did, \
             add the country to allow.countries, or the number to allow.numbers.",
        ),
        "kind" => (
            "Calls to a blocked kind of number",
            "An extension called a premium, satellite or other kind of number that the policy blocks.",
            "If the office did not make these calls, change the extension's password and look for a strange phone; if it did, \
             add the number to allow.numbers.",
        ),
        "prefix" => (
            "Calls to a blocked prefix",
            "An extension called a number under a prefix or pattern that the policy blocks.",
            "If the call is wanted, add a longer prefix to allow.prefixes.",
        ),
        "number" => (
            "Calls to a blocked number",
            "An extension called a number that the policy blocks by name or by a list.",
            "If the call is wanted, take the number off the list, or add it to allow.numbers.",
        ),
        "simultaneous" => (
            "Too many calls at the same time",
            "An extension, or the whole PBX, had more calls at the same time than the policy allows.",
            "If the office was not that busy, somebody else places calls: change the extension's password. Otherwise raise the limit.",
        ),
        "per-minute" => (
            "Too many calls in a minute",
            "An extension, or the whole PBX, made more calls within a minute than the policy allows.",
            "If nobody in the office did that, a program places calls: change the extension's password. Otherwise raise the limit.",
        ),
        "per-hour" => (
            "Too many calls in an hour",
            "An extension, or the whole PBX, made more calls within an hour than the policy allows.",
            "If nobody in the office did that, somebody else places calls: change the extension's password. Otherwise raise the limit.",
        ),
        "per-day" => (
            "Too many calls in a day",
            "An extension, or the whole PBX, made more calls within a day than the policy allows. Abroad, while the office is \
             closed, the built-in limit is none.",
            "If nobody in the office did that, somebody else places calls: change the extension's password. Otherwise raise the limit.",
        ),
        "same-number" => (
            "One number again and again",
            "An extension called the same number more often in a short time than the policy allows.",
            "A redial key that is stuck does that, and so does a program. Look at the phone; raise same_number if it is wanted.",
        ),
        "spellings" => (
            "One number in many spellings",
            "An extension dialled one number in several ways, as somebody does who tries how to get out.",
            "Somebody is trying the dial plan: change the extension's password and look for a strange phone.",
        ),
        "sequential" => (
            "Numbers one after the other",
            "An extension called numbers that follow each other, as a program does that looks for ones that pay.",
            "Change the extension's password and look for a strange phone; raise sequential if it is wanted.",
        ),
        "tampering" => (
            "A phone wrote into the PBX's request",
            "Headers were written into a request through a caller name or User-Agent, to get past the policy.",
            "This is an attack. Find the phone, change its extension's password, and filter names in the dial plan (docs/pbx.md).",
        ),
        "scanner" => (
            "A phone with a scanner's name",
            "A call came from a phone whose User-Agent is that of an attack tool.",
            "The extension's password is known to a stranger: change it. If the phone is yours, switch the rule off for this caller.",
        ),
        "network" => (
            "A phone outside of the allowed networks",
            "An extension called from an address that is not in the networks that phones may call from.",
            "If the phone is not yours, change the extension's password; if it is, add its network to `networks`.",
        ),
        "new-country" => (
            "First call to a country",
            "The office called a country for the first time.",
            "If the call is not yours, look at the extension; otherwise nothing is to be done.",
        ),
        "new-phone" => (
            "An extension on a phone not seen before",
            "An extension called from an address or with a User-Agent that it has not had before.",
            "If nobody has a new phone, change the extension's password.",
        ),
        "not-a-number" => (
            "Calls to what is no number",
            "What was dialled is no number under the client's number_format.",
            "One or two are slips of a finger. Many mean that number_format does not fit the dial plan.",
        ),
        "lockdown" => (
            "Calls during lockdown",
            "Calls were tried while the box is in lockdown, in which only emergency calls and always_allow pass.",
            "Leave lockdown when the reason for it is gone.",
        ),
        "loop" => (
            "Calls that come back to the box",
            "The PBX sent the box a number that already bears the box's own prefix.",
            "Look at the dial plan: an approved call must go to the provider, not to the box again.",
        ),
        _ => return None,
    })
}

fn the_box(kind: &str) -> Option<Said> {
    Some(match kind {
        "firewall" => (
            "The firewall's rules are not as set",
            "The rules for packets could not be loaded, or not as they should be; those of before are in force.",
            "Run `trunkguard doctor`; it names what is missing.",
        ),
        "firewall-changed" => (
            "Another program changed the firewall",
            "The box's rules for packets were changed by something else, and were put back.",
            "Find out which program does that; on the box itself there should be none.",
        ),
        "pop-dead" => (
            "A point of presence does not answer",
            "A VoIP.ms server that the office uses does not answer any more.",
            "Look at the internet line first; then choose another point of presence in the PBX and at VoIP.ms.",
        ),
        "pop-elsewhere" => (
            "A point of presence has an unknown address",
            "DNS gave an address outside of VoIP.ms's known range. It is not allowed until you say so.",
            "Compare it with what voip.ms says, then approve or refuse it (`trunkguard pops`).",
        ),
        "pop-answers" => (
            "Strange answers from DNS",
            "Answers for VoIP.ms's names were not taken as they came.",
            "Once is nothing. If it goes on, look at the office's DNS server.",
        ),
        "box-network" => (
            "The box's network stays as it was",
            "What the settings say of the box's own network could not be done.",
            "Correct [network] or [firewall] in the settings as the text below says.",
        ),
        "restored" => (
            "The box uses what it had before",
            "A file of the box was damaged or lost, and the newest sound copy is in force.",
            "Look the settings over and apply them again. If it happens twice, replace the card.",
        ),
        "state-in-memory" => (
            "The card cannot be used",
            "The box runs from memory: what is set and decided now is forgotten when the power goes.",
            "Replace the card.",
        ),
        "journal-full" => (
            "The history has gaps",
            "Calls came faster than the card takes them.",
            "If the office was not that busy, somebody places calls by a program; otherwise the card is worn: replace it.",
        ),
        "history-damaged" => (
            "The history was damaged",
            "The history of calls could not be read; a new one was begun, and the old one is kept aside.",
            "If it happens twice, replace the card.",
        ),
        "history-failed" => (
            "Calls were not recorded for a while",
            "The card took nothing, and calls of that time are missing from the history.",
            "Free some space on the card, or replace it.",
        ),
        "history-removed" => (
            "The history was taken away",
            "The file with the history of calls was removed while the box ran; a new one was begun.",
            "Find out who did that.",
        ),
        "alerts-undelivered" => (
            "Alerts do not reach somebody",
            "A channel for alerts does not take them, or refused one for good.",
            "Correct the channel in [alerts] as the text below says, then run `trunkguard alerts test`.",
        ),
        "update-failed" => (
            "An update did not do",
            "A new version was not installed, or was tried and given up; the version before it runs, and calls are answered.",
            "Nothing has to be done at once: the next version is tried by itself. The page has the reason under Box, Updates.",
        ),
        "update-available" => (
            "A new version can be installed",
            "There is a newer version for this box, and the policy says that a person decides.",
            "Look at what is new and install it on the page under Box, Updates, or run `trunkguard update install`.",
        ),
        "updated" => (
            "The box runs a new version",
            "An update was installed, tried, and confirmed: calls are answered, the rules are in force, the page is served.",
            "Nothing. If something is otherwise than you want it, go back on the page under Box, Updates.",
        ),
        _ => return None,
    })
}
