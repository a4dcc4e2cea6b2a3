//! What a profile may like next: models as pure maths, training and serving.
