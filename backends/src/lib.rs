//! Every adapter to the outside: Postgres, object stores, queues, caches.
