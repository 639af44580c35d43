//! Keep-alive: the broker's own terms, and what it says of a client that was silent for too long.
