"""Whether an environment is idle: decided from what is known, and from the clock that is passed in.

What is not known speaks for the environment: a host that does not answer, a time without samples, a counter that
began anew and a clock that jumped are no evidence that nothing was done.
"""

from datetime import UTC, datetime, timedelta

from devctl.durations import write_duration
from devctl.reaper.records import KEEP_LABEL, ReaperRules, Sample, Situation, Use, Verdict

CLOCK_SLACK = timedelta(seconds=60)
SAME_START = timedelta(seconds=2)
_FOREVER = ("true", "yes", "1", "")


def judge(situation: Situation, rules: ReaperRules, now: datetime) -> Verdict:
    """Say whether an environment is idle."""
    return (
        _standing(situation)
        or _kept(situation, now)
        or _attached(situation)
        or _used(situation, rules, now)
        or _worked(situation, rules, now)
    )


def _standing(situation: Situation) -> Verdict | None:
    if situation.phase == "lost" or situation.away:
        words = situation.away or "its host does not answer"
        return Verdict(reap=False, reason="host away", words=f"what it does cannot be seen: {words}")
    if situation.phase not in ("running", "paused"):
        return Verdict(reap=False, reason="not running", words=f"it is {situation.phase}")
    return None


def _kept(situation: Situation, now: datetime) -> Verdict | None:
    until = situation.keep_until
    if until is not None and until > now:
        words = f"it is kept until {_moment(until)}, for {write_duration(until - now)} more"
        return Verdict(reap=False, reason="kept", words=words, due=until)
    if situation.label is None:
        return None
    if situation.label.lower() in _FOREVER:
        return Verdict(reap=False, reason="kept", words=f"its label {KEEP_LABEL}={situation.label} keeps it")
    labelled = _label_moment(situation.label)
    if labelled is not None and labelled > now:
        words = f"its label {KEEP_LABEL} keeps it until {_moment(labelled)}"
        return Verdict(reap=False, reason="kept", words=words, due=labelled)
    return None


def _label_moment(label: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(label)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _attached(situation: Situation) -> Verdict | None:
    if situation.sessions:
        shown = "; ".join(words[:60] for words in situation.sessions[:3])
        words = f"{len(situation.sessions)} commands run in it at this moment: {shown}"
        return Verdict(reap=False, reason="attached", words=words)
    if situation.sessions is None and (
        open_now := [use for use in situation.uses if use.open and use.kind != "tunnel"]
    ):
        words = f"{sum(use.open for use in open_now)} sessions are open: {', '.join(use.kind for use in open_now)}"
        return Verdict(reap=False, reason="attached", words=words)
    return None


def _used(situation: Situation, rules: ReaperRules, now: datetime) -> Verdict | None:
    begun = Use(kind="exec", at=situation.since) if situation.since else None
    last = max((*situation.uses, *((begun,) if begun else ())), key=lambda use: use.at, default=None)
    if last is None or now - last.at >= rules.idle:
        return None
    what = "it was started" if last is begun else f"the last {last.kind} was"
    if last.at > now + CLOCK_SLACK:
        words = f"{what} at {_moment(last.at)}, which is still to come: the clock was put back"
    else:
        words = f"{what} {write_duration(max(now - last.at, timedelta()))} ago; idle is {write_duration(rules.idle)}"
    return Verdict(reap=False, reason="used", words=words, due=last.at + rules.idle, last_use=last.at)


def _worked(situation: Situation, rules: ReaperRules, now: datetime) -> Verdict:
    last_use = max((use.at for use in situation.uses), default=situation.since)
    chain, broken = unbroken(situation.samples, rules.gap, now)
    if not chain or now - chain[0].at < rules.idle:
        since = chain[0].at if chain else now
        words = f"its processor time was watched for {write_duration(now - since)} only, {broken}"
        due = since + rules.idle
        return Verdict(reap=False, reason="unobserved", words=words, due=due, last_use=last_use, observed_since=since)
    most = most_percent(chain, rules, now)
    span = write_duration(rules.idle)
    unused = f"nobody used it for {write_duration(now - last_use)}" if last_use else "nobody used it"
    verdict = Verdict(
        reap=True, reason="idle", words=f"{unused}, and it used at most {most:.2f}% of a core over the last {span}",
        due=now, last_use=last_use, cpu_percent=round(most, 2), observed_since=chain[0].at,
    )  # fmt: skip
    if most < rules.cpu_percent:
        return verdict
    words = f"it used up to {most:.2f}% of a core over the last {span}; under {rules.cpu_percent:g}% is idle"
    changed = {"reap": False, "reason": "busy", "words": words, "due": _rested(chain, rules, now)}
    return verdict.model_copy(update=changed)


def unbroken(samples: tuple[Sample, ...], gap: timedelta, now: datetime) -> tuple[list[Sample], str]:
    """The samples up to now between which nothing is missing, oldest first, and what lies before them."""
    chain: list[Sample] = []
    if not samples or now - samples[-1].at > gap:
        return chain, "as the last sample is too old"
    for sample in reversed(samples):
        if chain and (words := _break(sample, chain[-1], gap)):
            return chain[::-1], words
        if sample.at > now + CLOCK_SLACK:
            return [], "as the clock was put back"
        chain.append(sample)
    return chain[::-1], "as there are no samples before that"


def _break(before: Sample, after: Sample, gap: timedelta) -> str:
    """What keeps two samples that follow each other from saying what was used between them; empty for nothing."""
    if abs(before.started - after.started) > SAME_START:
        return f"since its container was started anew at {_moment(after.started)}"
    if before.cpu_seconds > after.cpu_seconds or before.at > after.at:
        return "as its counter went back before that"
    if after.at - before.at > gap:
        return f"as nobody looked for {write_duration(after.at - before.at)} before that"
    return ""


def most_percent(chain: list[Sample], rules: ReaperRules, now: datetime) -> float:
    """At most so many percent of a core were used on the mean over the idle time: an exact bound.

    The counter is read at the last sample before that time began; what was used between the two counts in full.
    """
    begin = now - rules.idle
    base = max((sample for sample in chain if sample.at <= begin), key=lambda sample: sample.at)
    return 100 * (chain[-1].cpu_seconds - base.cpu_seconds) / rules.idle_seconds


def _rested(chain: list[Sample], rules: ReaperRules, now: datetime) -> datetime:
    """When it would be idle if it used nothing from now on: when enough of what it used is long enough ago."""
    end, allowed = chain[-1].cpu_seconds, rules.idle_seconds * rules.cpu_percent / 100
    for sample in chain:
        if sample.at > now - rules.idle and end - sample.cpu_seconds < allowed:
            return sample.at + rules.idle
    return now + rules.idle


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
