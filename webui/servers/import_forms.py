"""The forms of the import page, one for each source; what they take is kept between the preview and the import."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rpcgate.protocol import Hosts, ProtocolError, decode, encode
from webui.forms import OmForm
from webui.servers import import_ansible
from webui.servers.compare import Import
from webui.servers.import_ansible import Wanted, read_ansible
from webui.servers.import_masters import ENGINES as KNOWING
from webui.servers.import_masters import ask_master, compare_hosts
from webui.servers.imports import MAX_BYTES, read_import
from webui.servers.models import Engine, Idc, Master
from webui.servers.services import Refused

GROUPS = (
    ("tags", gettext_lazy("tags of its servers")),
    ("application", gettext_lazy("their application")),
    ("category", gettext_lazy("their category")),
    ("none", gettext_lazy("nothing")),
)


class SourceForm(OmForm):
    """A source of servers. `kept`: what read_kept reads, filled by a sound form."""

    source = ""
    kept = b""

    def keep(self, content: bytes, **chosen: object) -> None:
        """Put what was chosen before the content."""
        self.kept = json.dumps({"source": self.source, **chosen}).encode() + b"\n" + content


class FileForm(SourceForm):
    """A file, or its text."""

    file = forms.FileField(label=gettext_lazy("File"), required=False)
    text = forms.CharField(
        label=gettext_lazy("or its text"), required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )  # fmt: skip

    def content(self) -> bytes:
        """Give what was sent; an error at the field where that is nothing."""
        file = self.cleaned_data.get("file")
        content: bytes = file.read(MAX_BYTES + 1) if file else self.cleaned_data.get("text", "").encode()
        if not content.strip():
            self.add_error("file", _("Choose a file, or paste its text below."))
        return content


class CsvForm(FileForm):
    """A CSV file."""

    source = "csv"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # what Django's Form takes
        super().__init__(*args, **kwargs)
        self.fields["text"].widget.attrs["placeholder"] = "name,idc,address,engine,tags"

    def clean(self) -> dict[str, object]:
        """Keep the content as it is; what is wrong with its lines is shown in the preview."""
        self.keep(self.content())
        return self.cleaned_data


class AnsibleForm(FileForm):
    """An Ansible inventory, and what its servers become."""

    source = "ansible"
    idc = forms.ModelChoiceField(Idc.objects.all(), label=gettext_lazy("IDC of new servers"), empty_label=None)
    groups = forms.ChoiceField(choices=GROUPS, label=gettext_lazy("Its groups become"))
    engine = forms.ChoiceField(
        choices=[(name, Engine(name).label) for name in import_ansible.ENGINES],
        label=gettext_lazy("Engine of new servers"),
    )

    def clean(self) -> dict[str, object]:
        """Keep content and choices; the file's name says whether it is YAML."""
        given = self.cleaned_data
        content, file = self.content(), given.get("file")
        if "idc" in given and "groups" in given and "engine" in given:
            chosen = {"idc": given["idc"].pk, "groups": given["groups"], "engine": given["engine"]}
            self.keep(content, name=file.name[-200:] if file else "", **chosen)
        return given


class MasterForm(SourceForm):
    """What an engine of a master knows by itself."""

    source = "master"
    master = forms.ModelChoiceField(
        Master.objects.filter(state=Master.State.ACCEPTED), label=gettext_lazy("Master"), empty_label=None
    )
    engine = forms.ChoiceField(
        choices=[(name, Engine(name).label) for name in KNOWING], label=gettext_lazy("Its engine")
    )
    idc = forms.ModelChoiceField(
        Idc.objects.all(),
        label=gettext_lazy("IDC of new servers"), empty_label=gettext_lazy("the master's own"), required=False,
    )  # fmt: skip

    def clean(self) -> dict[str, object]:
        """Ask the master; a refusal stands at the field."""
        given = self.cleaned_data
        if "master" in given and "engine" in given:
            idc = given.get("idc") or given["master"].idc
            try:
                hosts = ask_master(given["master"], given["engine"])
            except Refused as error:
                self.add_error("master", str(error))
            else:
                self.keep(encode(hosts), idc=idc.pk, engine=given["engine"])
        return given


FORMS: dict[str, type[SourceForm]] = {form.source: form for form in (CsvForm, AnsibleForm, MasterForm)}
TITLES = {
    "csv": gettext_lazy("CSV file"),
    "ansible": gettext_lazy("Ansible inventory"),
    "master": gettext_lazy("From a master"),
}


def read_kept(kept: bytes) -> Import:
    """Compare what a form has kept with the inventory as it is now; Refused when that cannot be."""
    head, _line, content = kept.partition(b"\n")
    try:
        chosen = dict(json.loads(head))
    except (ValueError, TypeError) as error:  # kept by an older release
        raise Refused(_("The file is no longer kept; choose it once more.")) from error
    if chosen["source"] == CsvForm.source:
        return read_import(content)
    idc = Idc.objects.filter(pk=chosen["idc"]).first()
    if idc is None:
        raise Refused(_("The chosen IDC is gone."))
    if chosen["source"] == AnsibleForm.source:
        return read_ansible(content, Wanted(idc, chosen["groups"], chosen["engine"]), name=chosen["name"])
    try:
        hosts = decode(content)
    except ProtocolError as error:
        raise Refused(_("The master gave no answer that can be read.")) from error
    return compare_hosts(hosts if isinstance(hosts, Hosts) else Hosts([]), chosen["engine"], idc)
