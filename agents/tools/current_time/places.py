# ruff: noqa: E501 (a table: one line per zone)
"""Well-known places and their time zones, in English and Chinese."""

#: One line per zone: the IANA name, then the places that people ask for. Cities that are the zone's own last
#: word (Tokyo in Asia/Tokyo) need no mention in English.
_TABLE = """
Asia/Shanghai: china, beijing, shenzhen, guangzhou, hangzhou, chengdu, nanjing, wuhan, xian, xi'an, 中国, 北京, 上海, 深圳, 广州, 杭州, 成都, 南京, 武汉, 西安, 重庆, 天津, 苏州
Asia/Hong_Kong: 香港
Asia/Macau: macao, 澳门
Asia/Taipei: taiwan, 台北, 台湾
Asia/Tokyo: japan, osaka, kyoto, 日本, 东京, 大阪, 京都
Asia/Seoul: korea, south korea, busan, 韩国, 首尔, 釜山
Asia/Pyongyang: 平壤
Asia/Singapore: 新加坡
Asia/Kuala_Lumpur: malaysia, 吉隆坡, 马来西亚
Asia/Bangkok: thailand, hanoi, 泰国, 曼谷, 河内
Asia/Ho_Chi_Minh: vietnam, saigon, ho chi minh city, 胡志明市, 越南
Asia/Jakarta: 雅加达
Asia/Manila: philippines, 马尼拉, 菲律宾
Asia/Kolkata: india, delhi, new delhi, mumbai, bangalore, bengaluru, chennai, hyderabad, 印度, 德里, 新德里, 孟买, 班加罗尔
Asia/Karachi: pakistan, islamabad, lahore, 巴基斯坦, 卡拉奇
Asia/Dhaka: bangladesh, 达卡
Asia/Kathmandu: nepal, 加德满都
Asia/Dubai: uae, abu dhabi, 迪拜, 阿布扎比
Asia/Riyadh: saudi arabia, 利雅得
Asia/Tehran: iran, 德黑兰
Asia/Jerusalem: israel, tel aviv, 耶路撒冷, 特拉维夫
Europe/Istanbul: turkey, ankara, 伊斯坦布尔, 土耳其
Europe/Moscow: russia, saint petersburg, st petersburg, 俄罗斯, 莫斯科, 圣彼得堡
Europe/Kyiv: kiev, ukraine, 基辅
Europe/Athens: greece, 雅典
Europe/Helsinki: finland, 赫尔辛基
Europe/Stockholm: sweden, 斯德哥尔摩, 瑞典
Europe/Oslo: norway, 奥斯陆
Europe/Copenhagen: denmark, 哥本哈根
Europe/Berlin: germany, munich, hamburg, frankfurt, cologne, 德国, 柏林, 慕尼黑, 汉堡, 法兰克福
Europe/Vienna: austria, 维也纳
Europe/Zurich: switzerland, geneva, bern, 瑞士, 苏黎世, 日内瓦
Europe/Paris: france, lyon, marseille, 法国, 巴黎
Europe/Amsterdam: netherlands, the hague, rotterdam, 荷兰, 阿姆斯特丹
Europe/Brussels: belgium, 布鲁塞尔
Europe/Madrid: spain, barcelona, 西班牙, 马德里, 巴塞罗那
Europe/Lisbon: portugal, 里斯本, 葡萄牙
Europe/Rome: italy, milan, venice, florence, naples, 意大利, 罗马, 米兰, 威尼斯
Europe/Prague: 布拉格
Europe/Warsaw: poland, krakow, 华沙
Europe/Budapest: hungary, 布达佩斯
Europe/Dublin: ireland, 都柏林
Europe/London: uk, england, united kingdom, edinburgh, manchester, 英国, 伦敦, 爱丁堡, 曼彻斯特
Atlantic/Reykjavik: iceland, 雷克雅未克
Africa/Cairo: egypt, 开罗, 埃及
Africa/Johannesburg: south africa, cape town, 约翰内斯堡, 开普敦, 南非
Africa/Lagos: nigeria, 拉各斯
Africa/Nairobi: kenya, 内罗毕
Africa/Casablanca: morocco, 卡萨布兰卡
America/New_York: nyc, boston, washington, washington dc, washington d.c., miami, atlanta, philadelphia, 纽约, 波士顿, 华盛顿, 迈阿密
America/Chicago: dallas, houston, austin, 芝加哥, 达拉斯, 休斯敦, 休斯顿
America/Denver: 丹佛
America/Phoenix: 凤凰城
America/Los_Angeles: la, san francisco, seattle, san diego, las vegas, silicon valley, california, 洛杉矶, 旧金山, 西雅图, 圣迭戈, 拉斯维加斯, 硅谷
America/Anchorage: alaska, 安克雷奇
Pacific/Honolulu: hawaii, 檀香山, 夏威夷
America/Toronto: montreal, ottawa, 多伦多, 蒙特利尔, 渥太华
America/Vancouver: 温哥华
America/Mexico_City: mexico, 墨西哥城
America/Bogota: colombia, 波哥大
America/Lima: peru, 利马
America/Santiago: chile, 圣地亚哥
America/Sao_Paulo: rio de janeiro, são paulo, brasilia, 圣保罗, 里约热内卢
America/Argentina/Buenos_Aires: argentina, 布宜诺斯艾利斯
Australia/Sydney: canberra, 悉尼, 堪培拉
Australia/Melbourne: 墨尔本
Australia/Brisbane: 布里斯班
Australia/Perth: 珀斯
Pacific/Auckland: new zealand, wellington, 奥克兰, 新西兰, 惠灵顿
UTC: gmt, zulu, greenwich, 世界时, 格林尼治
"""

#: Place in lower case → IANA name.
PLACES: dict[str, str] = {
    place.strip(): zone
    for zone, _, places in (line.partition(": ") for line in _TABLE.strip().splitlines())
    for place in (*places.split(","), zone.rpartition("/")[2].replace("_", " ").lower())
}
