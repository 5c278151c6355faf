"""The local daemon over HTTP: its own API, and look-ups in the shapes of HMA and Arachnid Shield."""
