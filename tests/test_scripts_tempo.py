"""The script behind README's tempo figures reads a table of recordings and passes over those without one."""

import sys
from pathlib import Path

import soundfile

from mdialog.synth.compose import compose
from mdialog.synth.render import render

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))
import tempo_accuracy


def test_recordings_with_a_tempo_are_measured(tmp_path, capsys):
    piece = compose(3, genre="techno", tempo_bpm=126.0, duration_s=20.0)
    samples = render(piece)
    soundfile.write(tmp_path / "beat.flac", samples.T, 44100)
    (tmp_path / "labels.csv").write_text("file,title,bpm\nbeat.flac,Beat,126\nbeat.flac,Untold,\nbeat.flac,Wrong,97\n")
    tempo_accuracy.report_real(tmp_path / "labels.csv", librosa_too=False)
    said = capsys.readouterr().out
    assert "2 real recordings" in said and "Untold" not in said
    assert "within 4 %: 1/2 = 0.500" in said
