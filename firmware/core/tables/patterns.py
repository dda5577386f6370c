"""Regular expressions over digits, as the CSV files use them, compiled into one small automaton.

Known: digits, \\d, [2-57], (?:a|b), and after any of these ?, {n} or {m,n}. Every such expression matches
finitely many numbers, so the automaton has no cycles and equal states are found bottom-up.
"""

import re

TOKEN = re.compile(r"(?P<digit>\d)|(?P<any>\\d)|\[(?P<set>[\d-]+)\]|(?P<open>\(\?:)|(?P<close>\))|(?P<or>\|)"
                   r"|(?P<maybe>\?)|\{(?P<low>\d+)(?:,(?P<high>\d+))?\}")


def members(text):
    """`0-36` as {0, 1, 2, 3, 6}."""
    found = set()
    for low, high in re.findall(r"(\d)(?:-(\d))?", text):
        found |= set(range(int(low), int(high or low) + 1))
    return frozenset(found)


def parse(expression):
    """A tree: ("set", digits), ("all", parts), ("any", alternatives), ("times", tree, low, high)."""
    stack, alternatives, parts, at = [], [], [], 0
    while at < len(expression):
        token = TOKEN.match(expression, at)
        if not token:
            raise SystemExit(f"`{expression}`: character {at + 1}, `{expression[at]}`, is not understood")
        at = token.end()
        kind = token.lastgroup
        if kind == "digit":
            parts.append(("set", frozenset([int(token["digit"])])))
        elif kind == "any":
            parts.append(("set", frozenset(range(10))))
        elif kind == "set":
            parts.append(("set", members(token["set"])))
        elif kind == "open":
            stack.append((alternatives, parts))
            alternatives, parts = [], []
        elif kind == "or":
            alternatives.append(("all", parts))
            parts = []
        elif kind == "close":
            group = ("any", alternatives + [("all", parts)])
            alternatives, parts = stack.pop()
            parts.append(group)
        elif kind == "maybe":
            parts.append(("times", parts.pop(), 0, 1))
        else:
            low = int(token["low"])
            parts.append(("times", parts.pop(), low, int(token["high"] or low)))
    if stack:
        raise SystemExit(f"`{expression}`: a bracket is not closed")
    return ("any", alternatives + [("all", parts)])


def sample(expression, rng):
    """A number that the expression matches."""
    def walk(tree):
        if tree[0] == "set":
            return str(rng.choice(sorted(tree[1])))
        if tree[0] == "all":
            return "".join(map(walk, tree[1]))
        if tree[0] == "any":
            return walk(rng.choice(tree[1]))
        return "".join(walk(tree[1]) for _ in range(rng.randint(tree[2], tree[3])))
    return walk(parse(expression))


class Automaton:
    """`next[state][digit]` and `accept[state]`; state 0 matches nothing."""

    def __init__(self):
        self.next = [(0,) * 10]
        self.accept = [0]
        self.known = {(self.next[0], 0): 0}

    def add(self, expressions):
        """The state from which each (expression, accept) is matched; the smallest accept wins."""
        self.edges, self.empty, self.finals, self.subsets = [], [], {}, {}
        start = self._node()
        for expression, accept in expressions:
            self.finals[self._build(parse(expression), start)] = accept
        return self._state(self._closure({start}))

    def run(self, state, digits):
        for digit in digits:
            state = self.next[state][int(digit)]
        return self.accept[state]

    def _node(self):
        self.edges.append([])
        self.empty.append([])
        return len(self.edges) - 1

    def _build(self, tree, start):
        """Thompson's construction; the node in which the tree ends."""
        end = self._node()
        if tree[0] == "set":
            self.edges[start].append((tree[1], end))
        elif tree[0] == "any":
            for alternative in tree[1]:
                own = self._node()
                self.empty[start].append(own)
                self.empty[self._build(alternative, own)].append(end)
        else:
            parts = tree[1] if tree[0] == "all" else [tree[1]] * tree[3]
            least = len(parts) if tree[0] == "all" else tree[2]
            for index, part in enumerate(parts):
                if index >= least:
                    self.empty[start].append(end)
                start = self._build(part, start)
            self.empty[start].append(end)
        return end

    def _closure(self, nodes):
        found, todo = set(nodes), list(nodes)
        while todo:
            for node in self.empty[todo.pop()]:
                if node not in found:
                    found.add(node)
                    todo.append(node)
        return frozenset(found)

    def _state(self, subset):
        """Subset construction, depth first, so that equal states become one."""
        if subset not in self.subsets:
            steps = []
            for digit in range(10):
                reached = {end for node in subset for digits, end in self.edges[node] if digit in digits}
                steps.append(self._state(self._closure(reached)) if reached else 0)
            accept = min((self.finals[n] for n in subset if n in self.finals), default=0)
            key = (tuple(steps), accept)
            if key not in self.known:
                self.known[key] = len(self.next)
                self.next.append(key[0])
                self.accept.append(accept)
            self.subsets[subset] = self.known[key]
        return self.subsets[subset]
