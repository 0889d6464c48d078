"""Behind a proxy that publishes the service under a path, and takes the path off on the way."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.path_proxy import PathProxy
from tests.support.service import StartEmbedded


def test_pages_work_behind_a_proxy_that_takes_the_path_off(open_page: OpenPage, start_embedded: StartEmbedded) -> None:
    service = start_embedded(NARAD_ROOT_PATH="/narad")
    with PathProxy(int(service.api.url.rpartition(":")[2]), "/narad") as proxy:
        page = open_page("/narad/ui", url=proxy.url)
        page.get_by_role("link", name="Tasks", exact=True).click()
        expect(page).to_have_url(f"{proxy.url}/narad/ui/tasks")
        expect(page.locator("#live-word")).to_have_text("Live")
        task_id = service.api.create("tests.hold", {"gate": "behind"})["id"]
        expect(page.locator(f"#row-{task_id} .status")).to_contain_text("In progress")

        page.locator(f"#row-{task_id} th a").click()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(page.locator(".facts .status")).to_contain_text("Cancelled")
        expect(page).to_have_url(f"{proxy.url}/narad/ui/tasks/{task_id}")
        page.get_by_text("Display").click()
        page.get_by_label("Language").select_option("ru")
        expect(page.locator("html")).to_have_attribute("lang", "ru")
        page.close()
