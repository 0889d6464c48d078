"""The page with the API, served by a service as it is installed."""

from urllib.parse import urljoin

from tests.support.openapi_snapshot import kept
from tests.support.pages import Page
from tests.support.tasks_api import TasksApi


def test_the_page_and_all_that_it_loads_come_from_the_service(api: TasksApi) -> None:
    page = Page(api.http.get("/docs").text)
    addresses = [one for one in page.loads if not one.startswith("data:")]

    assert len(addresses) == 3
    for address in addresses:
        answer = api.http.get(urljoin("/docs", address))
        assert answer.status_code == 200
        assert len(answer.content) > 100


def test_the_document_of_a_service_is_that_of_the_repository(api: TasksApi) -> None:
    assert api.http.get("/openapi.json").json() == kept()
