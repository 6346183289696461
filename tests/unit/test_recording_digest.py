"""The digest of facts is over bytes that anybody can make: pinned, so that it says the same next year."""

import hashlib
import json

from onlooker.recordings.digest import StreamDigest, canonical
from onlooker.recordings.expect import differences
from tests.event_samples import VISIT_ENDED, WINDOW


def test_the_canonical_form_is_json_with_sorted_names_and_no_spaces() -> None:
    for event in (VISIT_ENDED, WINDOW):
        text = canonical(event)
        assert (
            text
            == json.dumps(
                json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False
            ).encode()
        )


def test_the_digest_can_be_made_with_other_tools() -> None:
    digest = StreamDigest()
    assert digest.take("visits", VISIT_ENDED)
    assert not digest.take("visits", VISIT_ENDED)
    assert digest.take("campaign_windows", WINDOW)
    topics = {}
    for topic, event in (("visits", VISIT_ENDED), ("campaign_windows", WINDOW)):
        stand = hashlib.sha256(canonical(event) + b"\n").hexdigest()
        topics[topic] = hashlib.sha256(f"stand-1 {stand}\n".encode()).hexdigest()
    assert digest.by_topic() == topics
    lines = f"visits {topics['visits']}\ncampaign_windows {topics['campaign_windows']}\n"
    assert digest.facts() == hashlib.sha256(lines.encode()).hexdigest()


def test_differences_are_named_by_their_path() -> None:
    from msgspec.structs import replace

    exposure = replace(VISIT_ENDED.exposures[1], valence=None, attention_by_second_us=(1,))
    changed = replace(VISIT_ENDED, exposures=(VISIT_ENDED.exposures[0], exposure))
    assert differences(VISIT_ENDED, changed) == [
        "  exposures[1].valence: expected 0.9, found null",
        "  exposures[1].attention_by_second_us[0]: expected 1000000, found 1",
        "  exposures[1].attention_by_second_us[1]: expected 500000, found nothing",
        "  exposures[1].attention_by_second_us[2]: expected 0, found nothing",
    ]
    shorter = replace(VISIT_ENDED, exposures=())
    assert differences(VISIT_ENDED, shorter)[0].startswith("  exposures[0]: expected {")
