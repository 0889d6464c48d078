"""From NEW to PENDING: hand stored tasks over to dispatch and mark them."""
