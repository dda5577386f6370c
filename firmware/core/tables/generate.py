#!/usr/bin/env python3
"""Turns the CSV files of this folder into ../src/number/tables.rs, ../src/pops/table.rs and samples.csv."""

import csv
import random
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from patterns import Automaton, sample  # noqa: E402
from pops import render_pops  # noqa: E402

HERE = Path(__file__).resolve().parent
TABLES = HERE.parent / "src" / "number" / "tables.rs"
POPS = HERE.parent / "src" / "pops" / "table.rs"
SAMPLES = HERE / "samples.csv"

# What a national number costs more for. Where two patterns match, the first wins.
COSTS = ["Premium", "SharedCost", "Personal"]

# Country codes of no country, and what their numbers are (ITU-T E.164 list of assigned codes).
GLOBAL = {
    800: "TollFree",
    808: "SharedCost",
    870: "Satellite",
    878: "Personal",
    881: "Satellite",
    882: "GlobalNetwork",
    883: "GlobalNetwork",
    888: "GlobalNetwork",
    979: "Premium",
}

# Digits that a country's numbers may have more than lengths.csv says: plans grow, and to refuse a right number is worse
# than to take one that is too long for a number. (Networks of no country and +1 do not grow: one is free, the other fixed.)
GROWTH = 2

TERRITORIES_OF_THE_US = {"AS", "GU", "MP", "PR", "VI"}


def rows(name):
    with open(HERE / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def expressions(column):
    """`GB=…; GG=…` as the list of regular expressions, each once."""
    found = []
    for part in filter(None, (p.strip() for p in column.split("; "))):
        territory, equals, expression = part.partition("=")
        if not re.fullmatch(r"[A-Z]{2}|001", territory) or not equals:
            raise SystemExit(f"calling_codes.csv: `{part}` is not TERRITORY=EXPRESSION")
        if expression not in found:
            found.append(expression)
    return found


def grown(code, shortest, longest):
    fixed = code == 1 or code in GLOBAL
    return shortest, longest if fixed else min(longest + GROWTH, 15 - len(str(code)))


def read_codes():
    """One dict for each country code, sorted."""
    lengths = {int(r["calling_code"]): (int(r["shortest"]), int(r["longest"])) for r in rows("lengths.csv")}
    personal = {int(r["calling_code"]): r["personal_national_pattern"] for r in rows("personal_numbers.csv")}
    leading = {}
    for r in rows("leading_digits.csv"):
        leading.setdefault(int(r["calling_code"]), []).append((r["leading_digits"], r["iso2_territory"]))
    codes = []
    for r in rows("calling_codes.csv"):
        code = int(r["calling_code"])
        main = r["main"]
        if (main == "001") != (code in GLOBAL):
            raise SystemExit(f"+{code}: calling_codes.csv and GLOBAL in generate.py disagree")
        # The premium numbers of +1 are prose in the CSV and code in number/plan.rs.
        columns = ["", "", ""] if code == 1 else [
            r["premium_national_pattern"], r["shared_cost_national_pattern"], personal.get(code, "")]
        territories = set(r["iso2_territories"].split("|"))
        for digits, territory in leading.get(code, []):
            if territory not in territories:
                raise SystemExit(f"leading_digits.csv: {territory} is no territory of +{code}")
        codes.append({
            "code": code, "main": main, "territories": territories,
            "lengths": grown(code, *lengths.pop(code)), "patterns": [expressions(c) for c in columns],
            # Longest first: the first that fits is the longest.
            "leading": sorted(leading.pop(code, []), key=lambda l: (-len(l[0]), l[0])),
        })
    if lengths or leading:
        raise SystemExit(f"country codes that calling_codes.csv does not have: {sorted(lengths) + sorted(leading)}")
    return sorted(codes, key=lambda c: c["code"])


def read_areas():
    """Area code -> (Rust expression of its use, territory or None)."""
    areas = {}
    for r in rows("nanp_npa.csv"):
        npa, territory, note = int(r["npa"]), r["iso2_territories"], r["note"]
        if note == "toll-free":
            use = ("AreaUse::TollFree", None)
        elif note.startswith("premium"):
            use = ("AreaUse::Premium", None)
        elif note.startswith(("personal", "non-geographic")):
            use = (f'AreaUse::Personal(*b"{territory}")', territory)
        elif note.startswith(("domestic", "foreign", "US territory")):
            use = (f'AreaUse::In(*b"{territory}")', territory)
            if note.startswith("US territory") != (territory in TERRITORIES_OF_THE_US):
                raise SystemExit(f"nanp_npa.csv: {npa}: `{note}` does not fit {territory}")
        else:
            raise SystemExit(f"nanp_npa.csv: {npa}: unknown note `{note}`")
        if npa in areas or not 200 <= npa <= 999:
            raise SystemExit(f"nanp_npa.csv: {npa} is there twice or is no area code")
        areas[npa] = use
    return areas


def read_countries(codes, areas):
    names = {r["iso2"]: r["name"] for r in rows("countries.csv")}
    known = {t for c in codes for t in c["territories"]} - {"001"} | {t for _, t in areas.values() if t}
    if known != set(names):
        raise SystemExit(f"countries.csv and the other files disagree about {sorted(known ^ set(names))}")
    return sorted(names.items())


def compile_patterns(codes):
    automaton = Automaton()
    for c in codes:
        c["start"] = automaton.add([(e, cost) for cost, es in enumerate(c["patterns"], 1) for e in es])
    return automaton


def table(lines, declaration, values, width=116):
    lines.append(f"{declaration} = [")
    line = "   "
    for value in values:
        if len(line) + len(value) + 2 > width:
            lines.append(line)
            line = "   "
        line += f" {value},"
    lines += [line, "];"]


def render(codes, areas, countries, automaton):
    out = ["// @generated by firmware/core/tables/generate.py from the CSV files beside it. Change those.", ""]
    out += ["use super::plan::{AreaUse, Code, Whose};", "use super::Kind;", ""]

    by_front = [0] * 1000
    for index, c in enumerate(codes, 1):
        text = str(c["code"])
        scale = 10 ** (3 - len(text))
        for front in range(c["code"] * scale, (c["code"] + 1) * scale):
            if by_front[front]:
                raise SystemExit(f"+{c['code']} overlaps another country code")
            by_front[front] = index
    out.append("/// By the first three digits of a number: one more than the index in `CODES`, or 0.")
    table(out, "pub(super) static CODE_BY_FRONT: [u8; 1000]", map(str, by_front))

    out += ["", "/// The country codes, ascending."]
    out.append(f"pub(super) static CODES: [Code; {len(codes)}] = [")
    for c in codes:
        whose = f"Whose::Nobody(Kind::{GLOBAL[c['code']]})" if c["code"] in GLOBAL else f'Whose::Country(*b"{c["main"]}")'
        leading = ", ".join(f'(b"{d}", *b"{t}")' for d, t in c["leading"])
        low, high = c["lengths"]
        out.append(f'    Code {{ digits: b"{c["code"]}", whose: {whose}, shortest: {low}, longest: {high}, '
                   f'start: {c["start"]}, leading: &[{leading}] }},')
    out.append("];")

    uses = sorted({use for use, _ in areas.values()})
    out += ["", "/// What the area codes of +1 are for."]
    table(out, f"pub(super) static AREA_USES: [AreaUse; {len(uses)}]", uses)
    out += ["", "/// By area code less 200: one more than the index in `AREA_USES`, or 0 where it is not assigned."]
    table(out, "pub(super) static AREAS: [u8; 800]",
          (str(uses.index(areas[n][0]) + 1 if n in areas else 0) for n in range(200, 1000)))

    out += ["", "/// Patterns of national numbers as one automaton: the next state by digit; state 0 matches nothing."]
    out.append(f"pub(super) static NEXT: [[u16; 10]; {len(automaton.next)}] = [")
    out += [f"    {list(edges)}," for edges in automaton.next]
    out.append("];")
    kinds = ["None"] + [f"Some(Kind::{c})" for c in COSTS]
    out += ["", "/// What a number is that ends in this state: an index in `COSTS`."]
    table(out, f"pub(super) static COST: [u8; {len(automaton.accept)}]", map(str, automaton.accept))
    out += ["", "/// See `COST`."]
    table(out, f"pub(super) static COSTS: [Option<Kind>; {len(kinds)}]", kinds)

    out += ["", "/// Countries and their English short names, by code."]
    out.append(f"pub(super) static COUNTRIES: [([u8; 2], &str); {len(countries)}] = [")
    out += [f'    (*b"{code}", "{name}"),' for code, name in countries]
    out += ["];", ""]
    return "\n".join(out)


def judge(code, national):
    """What Python's own `re` says: an index in COSTS plus one, or 0."""
    for cost, expressions_ in enumerate(code["patterns"], 1):
        if any(re.fullmatch(e, national) for e in expressions_):
            return cost
    return 0


def candidates(code, rng, count):
    """Numbers that match, and neighbours of them that mostly do not."""
    expressions_ = [e for es in code["patterns"] for e in es]
    for _ in range(count if expressions_ else 0):
        national = sample(rng.choice(expressions_), rng)
        yield national
        at = rng.randrange(min(len(national), 5))
        yield national[:at] + str(rng.randrange(10)) + national[at + 1:]
        yield rng.choice([national + str(rng.randrange(10)), national[:-1]])


def make_samples(codes):
    rng = random.Random(1)
    lines = ["calling_code,national,kind"]
    for c in codes:
        seen = sorted({n for n in candidates(c, rng, 12) if n})
        lines += [f"{c['code']},{n},{(['-'] + COSTS)[judge(c, n)]}" for n in seen]
    return "\n".join(lines) + "\n"


def prove(codes, automaton):
    """The automaton says the same as `re`, over many more numbers than samples.csv has."""
    rng = random.Random(2)
    for c in codes:
        for national in candidates(c, rng, 300):
            if automaton.run(c["start"], national) != judge(c, national):
                raise SystemExit(f"+{c['code']} {national}: the compiled pattern disagrees with the expression")


def main(arguments):
    if arguments not in ([], ["--check"]):
        raise SystemExit("usage: generate.py [--check]")
    codes, areas = read_codes(), read_areas()
    countries = read_countries(codes, areas)
    automaton = compile_patterns(codes)
    prove(codes, automaton)
    made = {TABLES: render(codes, areas, countries, automaton), SAMPLES: make_samples(codes),
            POPS: render_pops(rows("voipms_pops.csv"))}
    for path, text in made.items():
        if arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                raise SystemExit(f"{path.name} is not what the CSV files say; run {Path(__file__).name} and commit the result")
        else:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
