import pytest

from noisyseg.errors import InputError, placed


@pytest.mark.parametrize(
    ("where", "message"), [("a.yaml, line 3", "a.yaml, line 3: no"), ("", "no")]
)
def test_a_place_is_put_before_the_message_and_the_cause_is_kept(where, message):
    cause = InputError("no")
    with pytest.raises(InputError) as caught, placed(where):
        raise cause
    assert str(caught.value) == message
    assert caught.value.__cause__ is cause


def test_other_errors_pass_as_they_are():
    with pytest.raises(KeyError, match="no"), placed("a.yaml"):
        raise KeyError("no")
