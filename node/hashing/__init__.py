"""From files to hashes: exact ones of every byte, PDQ of pictures, and the same of what archives hold."""
