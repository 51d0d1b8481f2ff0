"""The administration: `/admin/…`, an application of its own with other keys (scope `admin`; `operator` for what all share)."""
