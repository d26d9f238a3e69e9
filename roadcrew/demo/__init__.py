"""The demo: two issues delivered live on the local forge, with the model's side replayed from transcripts."""
