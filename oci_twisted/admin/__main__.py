"""``python -m oci_twisted.admin``: the operator's command, where no script was installed."""

from oci_twisted.admin.command import main

if __name__ == "__main__":
    main(prog_name="oci-registry")
